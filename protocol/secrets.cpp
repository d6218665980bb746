#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <unordered_map>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/embedded.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/secrets.h>

namespace kwire::protocol {
namespace {

// An envelope holds a request or response of any API (KIP-590).
constexpr std::array<std::string_view, 8> secret_bytes{
    "auth_bytes", "hmac",       "request_data",    "response_data",
    "salt",       "server_key", "salted_password", "stored_key",
};

// Whole names would not do: a listener's, a mechanism's or a plugin's prefix may stand before them.
constexpr std::array<std::string_view, 6> secret_words{
    "password", "secret", "passphrase", "jaas.config", "credential", "certificate",
};
constexpr std::array<std::string_view, 3> secret_ends{".key", ".pem", ".token"};
// What speaks about secrets and is none.
constexpr std::array<std::string_view, 7> public_ends{
    ".iterations", ".algorithm", ".length", ".ms", ".location", ".class", ".id",
};

bool ends_with_one_of(std::string_view text, std::span<const std::string_view> ends) {
    return std::any_of(ends.begin(), ends.end(),
                       [text](std::string_view end) { return text.ends_with(end); });
}

bool is_config_value(const Schema& schema, const Field& field) {
    if (field.name != "value" || field.type->kind != Kind::string) return false;
    return std::any_of(schema.fields.begin(), schema.fields.end(), [](const Field& other) {
        return (other.name == "name" || other.name == "key") && other.type->kind == Kind::string;
    });
}

bool may_hold(const Type& type) {
    if (type.kind == Kind::array) return may_hold(*type.element);
    return type.kind == Kind::structure && may_hold_secrets(type.schema());
}

}  // namespace

bool is_secret(const Field& field) {
    return field.type->kind == Kind::bytes &&
           std::find(secret_bytes.begin(), secret_bytes.end(), field.name) != secret_bytes.end();
}

bool is_secret_config(std::string_view name) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (ends_with_one_of(lower, public_ends)) return false;
    return ends_with_one_of(lower, secret_ends) ||
           std::any_of(secret_words.begin(), secret_words.end(), [&lower](std::string_view word) {
               return lower.find(word) != std::string::npos;
           });
}

bool may_hold_secrets(const Schema& schema) {
    thread_local std::unordered_map<const Schema*, bool> known;
    if (const auto found = known.find(&schema); found != known.end()) return found->second;
    bool holds = false;
    for (const auto* fields : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *fields) {
            holds = holds || is_secret(field) || is_config_value(schema, field) || may_hold(*field.type);
        }
    }
    known[&schema] = holds;
    return holds;
}

bool is_secret_record(const std::optional<std::string_view>& key,
                      const std::optional<std::string_view>& value) {
    constexpr char frame_version = 1;
    if (key || !value || value->empty() || value->front() != frame_version) return false;
    EmbeddedMessage found;
    if (find_value(InternalLog::cluster_metadata, {}, Bytes(nullptr, *value), found)) return false;
    if (!found.is_known() || !may_hold_secrets(*found.schema)) return false;
    const auto message = found.schema->make();
    if (decode(*found.schema, message.get(), found.version, found.body)) return false;
    const auto shown = to_json(*found.schema, message.get(), found.version);
    return shown != to_json(*found.schema, message.get(), found.version, RecordsAs::base64, Secrets::hidden);
}

}  // namespace kwire::protocol
