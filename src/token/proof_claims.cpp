#include "token/proof_claims.h"

#include <algorithm>

#include "token/claims.h"
#include "token/jws.h"

namespace cadastre {

Checked<std::int64_t> decode_proof_payload(std::string_view payload, std::initializer_list<TextClaim> texts,
                                           std::initializer_list<std::string_view> tolerated) {
  const json::Value object = TRY(decode_object(payload));
  for (const auto& [name, text] : texts) {
    const json::Value* const value = object.find(name);
    if (value == nullptr) return fault_about("claim_missing", name);
    if (value->kind != json::Kind::string || value->text.empty()) return fault_about("claim_type", name);
    *text = value->text;
  }
  const json::Value* const issued_at = object.find("iat");
  if (issued_at == nullptr) return fault("claim_missing:iat");
  const auto date = numeric_date(*issued_at);
  if (!date) return fault("claim_type:iat");
  for (const json::Member& member : object.members) {
    const std::string_view name = member.name;
    const bool is_known = name == "iat" || std::ranges::find(texts, name, &TextClaim::name) != texts.end() ||
                          std::ranges::find(tolerated, name) != tolerated.end();
    if (!is_known) return fault_about("unknown_claim", name);
  }
  return *date;
}

}  // namespace cadastre
