#include "store/sqlite/images.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "name, format, url, sha256, size_bytes, initrd_url, initrd_sha256, initrd_size_bytes, cmdline, min_disk_gb, "
    "created_at, created_by";

std::optional<ImageFile> initrd_of(const Rows& rows) {
  if (rows.is_null(5)) return std::nullopt;
  return ImageFile{.url = rows.text(5), .sha256 = rows.blob<32>(6), .size_bytes = rows.integer(7)};
}

Image image_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .facts = {.name = rows.text(0),
                    .format = static_cast<ImageFormat>(rows.integer(1)),
                    .file = {.url = rows.text(2), .sha256 = rows.blob<32>(3), .size_bytes = rows.integer(4)},
                    .initrd = initrd_of(rows),
                    .cmdline = rows.text(8),
                    .min_disk = Gigabytes{rows.integer(9)}},
          .created_at = rows.instant(10),
          .created_by = rows.text(11)};
}

}  // namespace

ImageTable::ImageTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM image WHERE tenant_id = ?1 AND name = ?2"),
      page_(connection, "SELECT " + columns + " FROM image WHERE tenant_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3"),
      put_(connection, "INSERT OR REPLACE INTO image (tenant_id, " + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM image WHERE tenant_id = ?1 AND name = ?2") {}

std::optional<Image> ImageTable::find(const TenantId& tenant, std::string_view name) {
  auto rows = find_(tenant.text(), name);
  if (!rows.next()) return std::nullopt;
  return image_of(rows, tenant);
}

std::vector<Image> ImageTable::page(const TenantId& tenant, const NameQuery& query) {
  std::vector<Image> images;
  auto rows = page_(tenant.text(), query.after, query.limit);
  while (rows.next()) images.push_back(image_of(rows, tenant));
  return images;
}

void ImageTable::put(const Image& image) {
  const ImageFacts& f = image.facts;
  const ImageFile initrd = f.initrd.value_or(ImageFile{});
  put_.run(image.tenant.text(), f.name, f.format, f.file.url, f.file.sha256, f.file.size_bytes, TextOrNull{initrd.url},
           f.initrd ? std::optional(initrd.sha256) : std::nullopt,
           f.initrd ? std::optional(initrd.size_bytes) : std::nullopt, f.cmdline, f.min_disk, image.created_at,
           image.created_by);
}

bool ImageTable::erase(const TenantId& tenant, std::string_view name) { return erase_.run(tenant.text(), name) > 0; }

}  // namespace cadastre::sqlite
