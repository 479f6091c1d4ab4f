#include "store/open_store.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TEST_CASE("a store is named by its scheme, and nothing else is one") {
  struct Row {
    std::string_view setting;
    bool good;
  };
  const Row rows[] = {{"sqlite:/var/lib/cadastre", true},
                      {"sqlite:data", true},
                      {"postgresql://db.example/cadastre", true},
                      {"postgres:///cadastre?host=/run/postgresql", true},
                      {"sqlite:", false},
                      {"", false},
                      {"/var/lib/cadastre", false},
                      {"postgresql://me:hu%2Fsh@db.example/cadastre", true},
                      {"postgresql://me@db.example/cadastre?password=hu/sh", true},
                      {"postgresql://me:hu/sh@db.example/cadastre", false},
                      {"mysql://db.example/cadastre", false}};
  for (const Row& row : rows) {
    CAPTURE(row.setting);
    CHECK(fault_of_store(row.setting).has_value() != row.good);
  }
}

TEST_CASE("what is shown of a store holds no password, wherever it stood") {
  struct Row {
    std::string_view setting, shown;
  };
  const Row rows[] = {
      {"sqlite:/srv/a:b@c", "sqlite:/srv/a:b@c"},
      {"postgresql://db.example/cadastre", "postgresql://db.example/cadastre"},
      {"postgresql://me@db.example/cadastre", "postgresql://me@db.example/cadastre"},
      {"postgresql://me:@db.example/cadastre", "postgresql://me:@db.example/cadastre"},
      {"postgresql://me:hush@db.example:5432/cadastre", "postgresql://me:***@db.example:5432/cadastre"},
      {"postgresql://me:hush?@db.example/cadastre", "postgresql://me:***@db.example/cadastre"},
      {"postgresql://me:hu@sh@db.example/cadastre", "postgresql://me:***@db.example/cadastre"},
      {"postgresql://me:hush@db.example", "postgresql://me:***@db.example"},
      {"postgresql://me:hu/sh@db.example/cadastre", "postgresql://me:***@db.example/cadastre"},
      {"postgresql://me:/hu@/sh/@db.example/cadastre", "postgresql://me:***@db.example/cadastre"},
      {"postgresql://me:hu?s/h@db.example/cadastre", "postgresql://me:***@db.example/cadastre"},
      {"postgresql://me:hu/sh@/cadastre?host=/run/postgresql", "postgresql://me:***@/cadastre?host=/run/postgresql"},
      {"postgresql://me:hu?sh=@db.example/cadastre", "postgresql://me:***@db.example/cadastre"},
      {"postgresql://one.example:5432,other.example:5433/cadastre?user=me@home",
       "postgresql://one.example:5432,other.example:5433/cadastre?user=me@home"},
      {"postgresql://me@[::1]:5432/cadastre", "postgresql://me@[::1]:5432/cadastre"},
      {"postgres:///cadastre?user=me&password=hush&sslmode=require",
       "postgres:///cadastre?user=me&password=***&sslmode=require"},
      {"postgres:///cadastre?pass%77ord=hush", "postgres:///cadastre?pass%77ord=***"},
      {"postgres:///cadastre?sslkey=k&sslpassword=hush", "postgres:///cadastre?sslkey=k&sslpassword=***"},
      {"postgres://me:one@db.example/cadastre?password=two", "postgres://me:***@db.example/cadastre?password=***"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.setting);
    CHECK(shown_store(row.setting) == row.shown);
    std::string argument = "--store=" + std::string(row.setting);
    char* arguments[] = {argument.data()};
    CHECK(has_secret(arguments) == (row.setting != row.shown));
  }
}

TEST_CASE("the sentence about a wrong store repeats its scheme at most") {
  struct Row {
    std::string_view setting, end;
  };
  const Row rows[] = {{"mysql://me:hush@db.example/x", "://…, not mysql:…"},
                      {"mysql:me:hush", "://…, not mysql:…"},
                      {"sqlite:", "://…, not sqlite:…"},
                      {"host=x password=hush", "://…"},
                      {"host=x password=hush:1", "://…"},
                      {"hush", "://…"},
                      {"", "://…"}};
  for (const Row& row : rows) {
    CAPTURE(row.setting);
    CHECK(fault_of_store(row.setting).value().ends_with(row.end));
    CHECK(fault_of_store(row.setting).value().find("hush") == std::string::npos);
  }
}

TEST_CASE("a store that cannot be opened is refused with a sentence that holds no password") {
  const std::string malformed = "postgresql://me:hush@[::1/x";
  CHECK_THROWS_WITH_AS(open_store(malformed), doctest::Contains("malformed"), StoreFailure);
  for (const std::string& setting : {malformed, std::string("postgresql://me:hush@/x?host=/nonexistent")}) {
    try {
      open_store(setting);
      FAIL("opened");
    } catch (const StoreFailure& failure) {
      CHECK(std::string_view(failure.what()).find("hush") == std::string_view::npos);
    }
  }
}

TEST_CASE("a store that cannot be reached is tried again, ever more seldom, until the patience or the program ends") {
  struct Row {
    std::chrono::milliseconds limit;
    std::vector<int> pauses;  // ms
  };
  const Row rows[] = {{std::chrono::milliseconds(0), {}},
                      {std::chrono::milliseconds(249), {}},  // a pause that would end later is not begun
                      {std::chrono::hours(1), {250, 500, 1000, 2000, 4000, 4000}}};
  for (const Row& row : rows) {
    CAPTURE(row.limit.count());
    std::vector<int> pauses;
    const auto rest = [&](std::chrono::milliseconds pause) {
      pauses.push_back(static_cast<int>(pause.count()));
      return pauses.size() < 6;
    };
    CHECK_THROWS_AS(open_store("postgresql:///x?host=/nonexistent", {row.limit, rest}), StoreFailure);
    CHECK(pauses == row.pauses);
  }
}

}  // namespace
}  // namespace cadastre
