#include "http/mailbox.h"

#include <utility>

#include "http/server.h"

namespace cadastre::http {

void Mailbox::put(Letter letter) {
  if (std::this_thread::get_id() == owner_ && letter.ticket.serial == expected_) {
    at_once_ = std::move(letter);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  letters_.push_back(std::move(letter));
  if (letters_.size() == 1) wake_();
}

void Mailbox::run(Task task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) wake_();
}

std::vector<Mailbox::Task> Mailbox::take_tasks() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void Mailbox::take(std::vector<Letter>& letters) {
  letters.clear();
  const std::lock_guard lock(mutex_);
  letters_.swap(letters);
}

void Mailbox::close() {
  std::vector<Task> dropped;  // goes after the lock: what a task holds may put a letter when it goes
  const std::lock_guard lock(mutex_);
  closed_ = true;
  letters_.clear();
  dropped.swap(tasks_);
}

std::optional<Mailbox::Letter> Mailbox::collect() {
  expected_ = 0;
  return std::exchange(at_once_, std::nullopt);
}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    abandon();
    mailbox_ = std::move(other.mailbox_);
    ticket_ = other.ticket_;
  }
  return *this;
}

void Responder::send(Response response) {
  CHECK_INVARIANT(mailbox_ != nullptr);
  std::exchange(mailbox_, nullptr)->put({ticket_, std::move(response)});
}

void Responder::run(Mailbox::Task task) const {
  CHECK_INVARIANT(mailbox_ != nullptr);
  mailbox_->run(std::move(task));
}

void Responder::abandon() {
  if (mailbox_) std::exchange(mailbox_, nullptr)->put({ticket_, std::nullopt});
}

}  // namespace cadastre::http
