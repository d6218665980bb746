// The small pieces that JSON is made of: strings and base64.
//
// Made for millions of strings a second: everything is appended to one string, text that needs no
// escape is copied as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kwire::protocol {

/// Text between quotes, escaped as JSON wants it, without the quotes. DEL and U+0080 to U+009F are escaped
/// besides, for the text may be shown by a terminal. False where the text is not
/// UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF); then `out` is as it
/// was.
bool append_escaped(std::string& out, std::string_view text);

/// A JSON string with its quotes. What is not UTF-8 becomes U+FFFD, a byte at a time.
void append_json_string(std::string& out, std::string_view text);

/// A JSON string, or {"base64":"..."} where the text is not UTF-8.
void append_json_string_or_base64(std::string& out, std::string_view text);

/// RFC 4648, with padding, without quotes.
void append_base64(std::string& out, std::string_view bytes);
/// Reads what append_base64 writes; nothing where a character is foreign, the padding is missing or
/// bits are left over.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace kwire::protocol
