// Which parts of messages let somebody log in: passwords, tokens, keys.
//
// Purpose: one place that says so, for all who print messages. Bytes are secret by the name of their
// field (`auth_bytes`, `hmac`, ...), values of configurations by the name of the configuration, as
// Kafka's brokers redact them (its configurations of type PASSWORD), or because the message says
// `is_sensitive`. Sources: KIP-43, KIP-48, KIP-554, KIP-226. Threads: the functions keep no state that
// threads share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <kwire/protocol/schema.h>

namespace kwire::protocol {

/// Whether JSON shows secrets or `{"hidden":true}` in their place. An absent or empty one is shown
/// as it is. from_json refuses what is hidden.
enum class Secrets : std::uint8_t { shown, hidden };

inline constexpr std::string_view hidden_json = "{\"hidden\":true}";

/// A field of bytes that hold a secret.
bool is_secret(const Field& field);

/// The name of a configuration whose value is a secret: `ssl.key.password`,
/// `listener.name.sasl.plain.sasl.jaas.config`.
bool is_secret_config(std::string_view name);

/// Whether messages of this schema may hold secrets at all. What cannot be decoded of such a message
/// is not to be shown as bytes either.
bool may_hold_secrets(const Schema& schema);

/// Whether the value of a record is one of `__cluster_metadata` with a secret in it. For logs of which
/// nobody knows the topic: it has to be without a key and to decode whole.
bool is_secret_record(const std::optional<std::string_view>& key,
                      const std::optional<std::string_view>& value);

}  // namespace kwire::protocol
