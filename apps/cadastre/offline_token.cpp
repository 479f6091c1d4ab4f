// `cadastre token mint`, `inspect` and `verify`: what can be done with tokens without a server's consent.
#include <fmt/format.h>

#include "api.h"
#include "files.h"
#include "inspect.h"
#include "mint.h"
#include "settings.h"
#include "token/key_text.h"
#include "verb.h"

namespace cadastre {
namespace {

struct MintArguments {
  LinkOrder order;
  std::string subject;
  std::string new_key;
  std::string save;
};

void describe_mint(Verb& verb, MintArguments& arguments) {
  LinkOrder& order = arguments.order;
  verb.option("--subject-pubkey", arguments.subject, "KEY", std::string(subject_help))
      .option("--new-key", arguments.new_key, "FILE", "make the next holder's key pair and keep it in this new file")
      .exclude("--new-key", "--subject-pubkey")
      .option("--scope", order.scope, "SCOPE", "READ, USER, INPUT or service:NAME; at most what the token has",
              Presence::required)
      .option("--expires-in", order.expires_in, "DURATION",
              "how long it lives, such as 90s, 15m, 24h or 7d; no longer than the token", Presence::required)
      .option("--caveat", order.caveats, "JSON", std::string(caveat_help))
      .option("--max-depth", order.delegable_depth, {.least = 1, .most = 8},
              "the deepest link that may follow; without it, none may")
      .option("--tenant", order.tenant, "TENANT", "narrow a token for all tenants to this one")
      .option("--save", arguments.save, "FILE", "put the token into this new file instead of showing it")
      .flag("--require-pop", order.requires_pop, "every use must prove possession of the key")
      .option("--links-max", order.links_max, {.least = 1, .most = 8}, "how many links the server accepts");
}

PublicKey subject_of(Program& program, const MintArguments& arguments, std::string& new_key_pem) {
  if (arguments.subject.empty() && arguments.new_key.empty())
    usage_error("say for whom: --subject-pubkey, or --new-key");
  if (!arguments.new_key.empty()) {
    const PrivateKey key = PrivateKey::draw(program.random);
    new_key_pem = encode_private_key_pem(key);
    return key.public_key();
  }
  return subject_key(arguments.subject);
}

ExitCode mint(Program& program, const MintArguments& arguments) {
  for (const std::string& file : {arguments.new_key, arguments.save}) require_absent(file);
  const Settings settings = settings_of(program.options);
  if (settings.key_file.empty()) usage_error("the key that the token is bound to is needed: give --key-file");
  const std::string chain = credential_of(settings);
  const PrivateKey holder = read_private_key(settings.key_file);
  std::string new_key_pem;
  const PublicKey subject = subject_of(program, arguments, new_key_pem);
  const std::string narrowed = narrow(chain, arguments.order, holder, subject, program.random, program.clock.now());
  if (!new_key_pem.empty()) create_secret(arguments.new_key, new_key_pem);
  if (!arguments.save.empty()) {
    create_secret(arguments.save, narrowed + "\n");
    return ExitCode::ok;
  }
  if (program.options.format() == OutputFormat::table) {
    fmt::print("{}\n", narrowed);
    return ExitCode::ok;
  }
  std::string out;
  json::Object(out).field("token", narrowed).field("subject_pubkey", encode_base64url(subject)).end();
  fmt::print("{}\n", out);
  return ExitCode::ok;
}

ExitCode inspect(Program& program) {
  const std::string credential = credential_of(settings_of(program.options));
  const Instant now = program.clock.now();
  if (program.options.format() == OutputFormat::json) {
    fmt::print("{}\n", inspected(credential, now));
  } else {
    fmt::print("{}", inspected_lines(credential, now));
  }
  return ExitCode::ok;
}

struct VerifyArguments {
  std::string issuer;
  std::string audience;
  std::string service;
  std::string jwks;
  std::int64_t links_max = links_max_default;

  VerifierRules rules() const {
    return {
        .issuer = issuer, .audience = audience, .service = service, .links_max = static_cast<std::size_t>(links_max)};
  }
};

void describe_verify(Verb& verb, VerifyArguments& arguments) {
  verb.option("--issuer", arguments.issuer, "URL", "who must have issued it: the server's public URL, byte for byte",
              Presence::required)
      .option("--audience", arguments.audience, "AUDIENCE", "whom it must be for: cadastre:DEPLOYMENT",
              Presence::required)
      .option("--service", arguments.service, "NAME", "a service of that deployment that may be named too")
      .option("--jwks", arguments.jwks, "FILE",
              "a file with the issuer's keys; without it, the server is asked for them")
      .option("--links-max", arguments.links_max, {.least = 0, .most = 8}, "how many links are accepted");
}

IssuerKeys issuer_keys(Program& program, const Settings& settings, const std::string& file) {
  if (!file.empty()) return parse_jwks(read_text(file), file);
  Api server(program, settings, "");
  return parse_jwks(server.call("GET", "/.well-known/jwks.json").body, "the server's key set");
}

void print_verified(const Program& program, const VerifiedToken& token) {
  std::string out;
  json::Object object(out);
  object.field("valid", true).field("scope", token.scope.text_view());
  if (token.tenant) {
    object.field("tenant_id", token.tenant->text());
  } else {
    object.null("tenant_id");
  }
  object.field("subject_pubkey", encode_base64url(token.holder))
      .field("expires_at", format_rfc3339(instant_from_s(token.expires_at_s)));
  object.field("token_id", token.id)
      .field("rid", encode_base64url(token.rid()))
      .field("require_pop", token.requires_pop);
  const std::string caveats = encode_caveats(token.caveats);
  object.key("caveats") += caveats.empty() ? "[]" : caveats;
  object.field("revocation", "not asked").end();
  print_record(program, {.status = 200, .body = out});
}

ExitCode verify(Program& program, const VerifyArguments& arguments) {
  const Settings settings = settings_of(program.options);
  const std::string credential = credential_of(settings);
  AdmittedKeys admitted;
  const auto token = verify_token(credential, arguments.rules(), issuer_keys(program, settings, arguments.jwks),
                                  admitted, program.clock.now());
  if (token) {
    print_verified(program, *token);
    return ExitCode::ok;
  }
  if (program.options.format() == OutputFormat::json) {
    std::string out;
    json::Object(out).field("valid", false).field("reason", token.error().reason).end();
    fmt::print("{}\n", out);
  }
  throw Failure(ExitCode::refused, fmt::format("not valid: {}", explained(token.error().reason)));
}

}  // namespace

void add_offline_token_verbs(CLI::App& token, Program& program) {
  add_verb<MintArguments>(token, program, "mint",
                          "narrow a token offline, with the key it is bound to; prints the longer chain", describe_mint,
                          mint);
  add_verb(token, program, "inspect", "show what a token says of itself, verifying nothing", inspect);
  add_verb<VerifyArguments>(token, program, "verify",
                            "check signatures, times and claims against the issuer's keys; not whether it was revoked",
                            describe_verify, verify);
}

}  // namespace cadastre
