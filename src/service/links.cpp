#include "service/links.h"

#include <algorithm>
#include <map>
#include <set>

#include "token/jws.h"

namespace cadastre {
namespace {

constexpr int links_max = 8;  // of any chain (TOKENS.md section 7)

/// Everything whose revocation ends a link.
struct Lineage {
  std::vector<RevocationId> rids;
  std::vector<Digest> keys;
  bool is_platforms = false;  ///< It hangs from the platform, whose revocations count too.
  bool has_old_generation = false;
};

/// Looks lineages up. What several links share is asked for once.
class Genealogy {
 public:
  Genealogy(Reader& reader, const TenantId& tenant, std::span<const SeenLink> links)
      : reader_(reader), tenant_(tenant) {
    for (const SeenLink& link : links) links_.emplace(link.rid, link);
  }

  Lineage of(const SeenLink& link) {
    Lineage line = of_root(link.root);
    const SeenLink* next = &link;
    for (int depth = 0; next != nullptr && depth < links_max; ++depth) {
      line.rids.push_back(next->rid);
      line.keys.push_back(thumbprint(next->subject_key));
      line.rids.push_back(next->parent);
      next = next->parent == link.root ? nullptr : find_link(next->parent);
    }
    return line;
  }

 private:
  const SeenLink* find_link(const RevocationId& rid) {
    auto known = links_.find(rid);
    if (known == links_.end()) known = links_.emplace(rid, reader_.link(tenant_, rid)).first;
    return known->second ? &*known->second : nullptr;
  }

  std::optional<IssuedToken> find_token(const RevocationId& rid) {
    auto found = reader_.token_by_rid(tenant_, rid);
    return found ? std::move(found) : reader_.token_by_rid(TenantId::platform(), rid);
  }

  const Lineage& of_root(const RevocationId& rid) {
    if (const auto known = roots_.find(rid); known != roots_.end()) return known->second;
    Lineage line{.rids = {rid}};
    if (const auto root = find_token(rid)) {
      line.is_platforms = root->tenant.is_platform() || !root->ancestors.empty();
      line.has_old_generation = root->generation < generation_of(root->tenant);
      line.keys.push_back(thumbprint(root->subject_key));
      for (const RevocationId& above : root->ancestors) {
        line.rids.push_back(above);
        if (const auto ancestor = find_token(above)) line.keys.push_back(thumbprint(ancestor->subject_key));
      }
    }
    return roots_.emplace(rid, std::move(line)).first->second;
  }

  std::int64_t generation_of(const TenantId& id) {
    const auto row = reader_.tenant(id);
    return row ? row->generation : 1;
  }

  Reader& reader_;
  const TenantId& tenant_;
  std::map<RevocationId, std::optional<SeenLink>> links_;
  std::map<RevocationId, Lineage> roots_;
};

/// What was revoked in one namespace, of all that some lineages name.
class Revoked {
 public:
  Revoked(Reader& reader, const TenantId& place, const std::vector<Lineage>& lineages)
      : rids_(among(reader, place, RevocationKind::token, lineages, &Lineage::rids)),
        keys_(among(reader, place, RevocationKind::key, lineages, &Lineage::keys)) {}

  bool ends(const Lineage& line) const {
    const auto is_in = [](const std::set<Bytes<32>>& ids) {
      return [&](const Bytes<32>& id) { return ids.contains(id); };
    };
    return std::ranges::any_of(line.rids, is_in(rids_)) || std::ranges::any_of(line.keys, is_in(keys_));
  }

 private:
  static std::set<Bytes<32>> among(Reader& reader, const TenantId& place, RevocationKind kind,
                                   const std::vector<Lineage>& lineages, std::vector<Bytes<32>> Lineage::* ids) {
    std::set<Bytes<32>> asked;
    for (const Lineage& line : lineages) asked.insert((line.*ids).begin(), (line.*ids).end());
    const auto found = reader.revoked_among(place, kind, std::vector(asked.begin(), asked.end()));
    return {found.begin(), found.end()};
  }

  std::set<Bytes<32>> rids_, keys_;
};

}  // namespace

std::vector<bool> find_revoked(Reader& reader, const TenantId& tenant, std::span<const SeenLink> links) {
  if (links.empty()) return {};
  Genealogy genealogy(reader, tenant, links);
  std::vector<Lineage> lineages, of_platform;
  for (const SeenLink& link : links) {
    lineages.push_back(genealogy.of(link));
    if (lineages.back().is_platforms) of_platform.push_back(lineages.back());
  }
  const Revoked here(reader, tenant, lineages);
  const Revoked above(reader, TenantId::platform(), of_platform);
  std::vector<bool> revoked;
  for (const Lineage& line : lineages) {
    revoked.push_back(line.has_old_generation || here.ends(line) || (line.is_platforms && above.ends(line)));
  }
  return revoked;
}

}  // namespace cadastre
