#include "http/mailbox.h"

#include <doctest/doctest.h>

#include <thread>

#include "http/server.h"

using namespace cadastre;
using namespace cadastre::http;

TEST_CASE("many answers from other threads wake the I/O thread once") {
  int wakes = 0;
  auto mailbox = std::make_shared<Mailbox>([&] { ++wakes; });
  mailbox->own();
  std::thread([&] {
    for (std::uint64_t serial = 1; serial <= 64; ++serial) {
      Responder(mailbox, {0, serial}).send({.status = static_cast<int>(200 + serial)});
    }
  }).join();
  CHECK(wakes == 1);
  std::vector<Mailbox::Letter> letters;
  mailbox->take(letters);
  REQUIRE(letters.size() == 64);
  CHECK(letters[9].ticket.serial == 10);
  CHECK(letters[9].response->status == 210);
  Responder(mailbox, {0, 65}).send({});
  CHECK(wakes == 2);
}

TEST_CASE("an answer given within the handler's call goes no detour") {
  int wakes = 0;
  auto mailbox = std::make_shared<Mailbox>([&] { ++wakes; });
  mailbox->own();
  mailbox->expect({3, 7});
  Responder(mailbox, {3, 6}).send({.status = 500});
  Responder(mailbox, {3, 7}).send({.status = 201});
  const auto letter = mailbox->collect();
  REQUIRE(letter);
  CHECK(letter->response->status == 201);
  CHECK(wakes == 1);  // for the other request
  CHECK_FALSE(mailbox->collect());
}

TEST_CASE("a responder let go tells so, one moved from does not") {
  auto mailbox = std::make_shared<Mailbox>([] {});
  {
    Responder first(mailbox, {0, 1});
    Responder second(mailbox, {0, 2});
    Responder moved = std::move(first);
    moved = std::move(second);
  }
  std::vector<Mailbox::Letter> letters;
  mailbox->take(letters);
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].ticket.serial == 1);
  CHECK(letters[1].ticket.serial == 2);
  CHECK_FALSE(letters[0].response);
}

TEST_CASE("answers to a closed mailbox are dropped") {
  int wakes = 0;
  auto mailbox = std::make_shared<Mailbox>([&] { ++wakes; });
  mailbox->close();
  Responder(mailbox, {0, 1}).send({});
  CHECK(wakes == 0);
}

TEST_CASE("what is to be done on the I/O thread wakes it once, and is dropped unharmed when the mailbox is closed") {
  int wakes = 0;
  auto mailbox = std::make_shared<Mailbox>([&] { ++wakes; });
  int runs = 0;
  const Responder responder(mailbox, {0, 1});
  std::thread([&] {
    responder.run([&] { ++runs; });
    responder.run([&] { ++runs; });
  }).join();
  CHECK(wakes == 1);
  for (const auto& task : mailbox->take_tasks()) task();
  CHECK(runs == 2);
  CHECK(mailbox->take_tasks().empty());
  const auto held = std::make_shared<Responder>(mailbox, Ticket{0, 2});
  responder.run([held] {});
  std::weak_ptr<Responder> watched = held;
  mailbox->close();
  responder.run([&] { ++runs; });
  CHECK(watched.use_count() == 1);
  CHECK(runs == 2);
}
