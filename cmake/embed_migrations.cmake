# embed_migrations(TARGET ENGINE): src/store/ENGINE/migrations/NNNN_name.sql become cadastre::ENGINE::migrations() of
# store/ENGINE/migration.h, in order, so that a program carries its schema with it.
function(embed_migrations target engine)
  set(folder ${CMAKE_SOURCE_DIR}/src/store/${engine}/migrations)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.sql)
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
      message(FATAL_ERROR "${file}: a migration is named NNNN_what_it_does.sql")
    endif()
    math(EXPR number "1${CMAKE_MATCH_1} - 10000")
    file(READ ${file} sql)
    string(APPEND entries "    {${number}, \"${name}\", R\"sql(${sql})sql\"},\n")
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/generated/store/${engine}/migrations.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT [=[// Made from src/store/@engine@/migrations by cmake/embed_migrations.cmake.
#include "store/@engine@/migration.h"

namespace cadastre::@engine@ {
namespace {

constexpr Migration embedded[] = {
@entries@};

}  // namespace

std::span<const Migration> migrations() { return embedded; }

}  // namespace cadastre::@engine@
]=] @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()
