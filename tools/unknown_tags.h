// Tagged fields that kwire does not know, in the JSON of `decode` and `encode`.
//
// Kafka's own converters leave them out, and so does protocol/json.h. Here they stand behind the
// fields of the message or header, so that what was decoded can be encoded again to the same bytes:
//
//     {...,"unknownTaggedFields":[{"path":"FetchRequest.topics[0]","tag":68,"data":"AAE="}]}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/secrets.h>

namespace kwire::tools {

/// Adds them to the object that `json` ends with. What is in them is not known, so that it may be a
/// secret where the message holds any.
void append_unknown_tags(std::string& json, const protocol::UnknownTags& unknown,
                         protocol::Secrets secrets = protocol::Secrets::shown);

/// Takes them out of the JSON of a message; what is left is answered in `rest`, or nothing where
/// there were none.
std::optional<DecodeError> take_unknown_tags(std::string_view json, std::optional<std::string>& rest,
                                             protocol::UnknownTags& unknown);

/// The two parts of {"header":{...},"body":{...}}.
struct FrameJson {
    std::string header;
    std::string body;
};
/// Nothing where the JSON has another form.
std::optional<FrameJson> split_frame(std::string_view json);

}  // namespace kwire::tools
