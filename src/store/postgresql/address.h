// Where a PostgreSQL database is, as the operator names it, and what may be shown of that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cadastre::postgresql {

/// The passwords in a connection URI (PostgreSQL 15, section 34.1.1.2) as they are written there: before the `@`, and
/// as parameters. Rather too much than too little of an URI that libpq would refuse.
std::vector<std::string_view> secrets_in(std::string_view url);

/// Its password holds a `/`, where libpq believes that the host ends, and then speaks of what is left of the password.
bool is_password_cut(std::string_view url);

/// The URI with `***` for each of its passwords.
std::string without_secrets(std::string_view url);

}  // namespace cadastre::postgresql
