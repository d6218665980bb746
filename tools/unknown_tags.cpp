#include "unknown_tags.h"

#include <nlohmann/json.hpp>

#include <kwire/protocol/json_text.h>

namespace kwire::tools {
namespace {

constexpr const char* member = "unknownTaggedFields";

using Json = nlohmann::ordered_json;

/// Throws what nlohmann throws where something else stands there.
protocol::UnknownTag tag_of(const Json& entry) {
    if (entry.at("data").is_object() && entry["data"].contains("hidden")) {
        throw std::invalid_argument("`data` is hidden: print the message with its secrets (--show-secrets)");
    }
    auto data = protocol::from_base64(entry.at("data").get<std::string>());
    if (!data) throw std::invalid_argument("`data` is not base64");
    return {entry.at("path").get<std::string>(), entry.at("tag").get<std::uint32_t>(),
            Bytes::own(std::move(*data))};
}

}  // namespace

void append_unknown_tags(std::string& json, const protocol::UnknownTags& unknown,
                         protocol::Secrets secrets) {
    json.pop_back();
    if (json.back() != '{') json += ',';
    json.append("\"").append(member).append("\":[");
    for (std::size_t i = 0; i < unknown.size(); ++i) {
        json += i > 0 ? ",{\"path\":" : "{\"path\":";
        protocol::append_json_string(json, unknown[i].path);
        json += ",\"tag\":" + std::to_string(unknown[i].tag) + ",\"data\":";
        if (secrets == protocol::Secrets::hidden) {
            json.append(protocol::hidden_json) += '}';
            continue;
        }
        json += '"';
        protocol::append_base64(json, unknown[i].data.view());
        json += "\"}";
    }
    json += "]}";
}

std::optional<DecodeError> take_unknown_tags(std::string_view json, std::optional<std::string>& rest,
                                             protocol::UnknownTags& unknown) {
    // Of millions of messages hardly one has them.
    if (json.find(member) == std::string_view::npos) return std::nullopt;
    Json object = Json::parse(json, nullptr, false);
    // What is no JSON is refused by who reads it next, in better words.
    if (!object.is_object() || !object.contains(member)) return std::nullopt;
    try {
        for (const Json& entry : object[member]) unknown.push_back(tag_of(entry));
        object.erase(member);
        rest = object.dump();
    } catch (const std::exception& error) {
        return DecodeError{member, std::string("are not a list of path, tag and data: ") + error.what(), 0};
    }
    return std::nullopt;
}

std::optional<FrameJson> split_frame(std::string_view json) {
    const Json object = Json::parse(json, nullptr, false);
    if (!object.is_object() || object.size() != 2 || !object.contains("header") ||
        !object.contains("body")) {
        return std::nullopt;
    }
    return FrameJson{object["header"].dump(), object["body"].dump()};
}

}  // namespace kwire::tools
