// What is hidden of messages, in every message that holds secrets, and that it cannot be encoded again.
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/embedded.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/record_batch_builder.h>

namespace kwire::test {
namespace {

using namespace kwire::protocol;
using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

/// The JSON of the message with its secrets shown and hidden; `json` sets its fields.
struct Printed {
    std::string shown;
    std::string hidden;
};

Printed print(const std::string& name, std::int16_t version, const std::string& json) {
    const Schema* const schema = find_message(name);
    EXPECT_NE(schema, nullptr) << name;
    const auto message = schema->make();
    const auto error = from_json(*schema, message.get(), version, json);
    EXPECT_FALSE(error) << name << ": " << error->message();
    return {to_json(*schema, message.get(), version),
            to_json(*schema, message.get(), version, RecordsAs::base64, Secrets::hidden)};
}

/// What is hidden is `c2VjcmV0` (bytes) or `hunter2` (text).
const std::vector<std::tuple<const char*, std::int16_t, const char*>> with_secrets{
    {"SaslAuthenticateRequest", 0, R"({"authBytes":"c2VjcmV0"})"},
    {"SaslAuthenticateResponse", 2, R"({"errorCode":0,"authBytes":"c2VjcmV0"})"},
    {"AlterUserScramCredentialsRequest", 0,
     R"({"upsertions":[{"name":"u","salt":"c2VjcmV0","saltedPassword":"c2VjcmV0"}]})"},
    {"CreateDelegationTokenResponse", 3, R"({"tokenId":"t","hmac":"c2VjcmV0"})"},
    {"RenewDelegationTokenRequest", 2, R"({"hmac":"c2VjcmV0"})"},
    {"ExpireDelegationTokenRequest", 1, R"({"hmac":"c2VjcmV0"})"},
    {"DescribeDelegationTokenResponse", 3, R"({"tokens":[{"tokenId":"t","hmac":"c2VjcmV0"}]})"},
    {"EnvelopeRequest", 0, R"({"requestData":"c2VjcmV0"})"},
    {"EnvelopeResponse", 0, R"({"responseData":"c2VjcmV0"})"},
    {"UserScramCredentialRecord", 0,
     R"({"name":"u","salt":"c2VjcmV0","storedKey":"c2VjcmV0","serverKey":"c2VjcmV0"})"},
    {"AlterConfigsRequest", 2, R"({"resources":[{"configs":[{"name":"ssl.key.password","value":"hunter2"}]}]})"},
    {"IncrementalAlterConfigsRequest", 1,
     R"({"resources":[{"configs":[{"name":"listener.name.x.SASL.JAAS.config","value":"hunter2"}]}]})"},
    {"DescribeConfigsResponse", 4,
     R"({"results":[{"configs":[{"name":"x","value":"hunter2","isSensitive":true,
         "synonyms":[{"name":"x","value":"hunter2"}]}]}]})"},
    {"CreateTopicsRequest", 7, R"({"topics":[{"name":"t","configs":[{"name":"a.secret","value":"hunter2"}]}]})"},
    {"CreateTopicsResponse", 7,
     R"({"topics":[{"name":"t","configs":[{"name":"a","value":"hunter2","isSensitive":true}]}]})"},
    {"ConfigRecord", 0, R"({"name":"ssl.keystore.key","value":"hunter2"})"},
};

TEST(Secrets, are_hidden_in_every_message_that_holds_them) {
    for (const auto& [name, version, json] : with_secrets) {
        const Printed printed = print(name, version, json);
        EXPECT_TRUE(may_hold_secrets(*find_message(name))) << name;
        EXPECT_THAT(printed.shown, testing::AnyOf(HasSubstr("c2VjcmV0"), HasSubstr("hunter2"))) << name;
        EXPECT_THAT(printed.hidden, Not(HasSubstr("c2VjcmV0"))) << name;
        EXPECT_THAT(printed.hidden, Not(HasSubstr("hunter2"))) << name;
        EXPECT_THAT(printed.hidden, HasSubstr("{\"hidden\":true}")) << name;
    }
}

TEST(Secrets, what_is_hidden_is_not_encoded_again) {
    for (const auto& [name, version, json] : with_secrets) {
        const std::string hidden = print(name, version, json).hidden;
        const Schema* const schema = find_message(name);
        const auto error = from_json(*schema, schema->make().get(), version, hidden);
        ASSERT_TRUE(error) << name;
        EXPECT_THAT(error->message(), HasSubstr("is hidden")) << name;
        EXPECT_THAT(error->message(), HasSubstr("--show-secrets")) << name;
    }
}

TEST(Secrets, all_else_is_shown) {
    EXPECT_EQ(print("SaslAuthenticateResponse", 0, R"({"errorMessage":"no"})").hidden,
              R"({"errorCode":0,"errorMessage":"no","authBytes":""})");
    const auto configs = [](const std::string& name, const std::string& value) {
        return print("IncrementalAlterConfigsRequest", 0,
                     R"({"resources":[{"configs":[{"name":")" + name + R"(","value":)" + value + "}]}]}");
    };
    for (const char* name : {"cleanup.policy", "ssl.keystore.location", "password.encoder.iterations",
                             "delegation.token.max.lifetime.ms", "min.insync.replicas"}) {
        const Printed printed = configs(name, "\"v\"");
        EXPECT_EQ(printed.hidden, printed.shown) << name;
    }
    const Printed removed = configs("ssl.key.password", "null");
    EXPECT_EQ(removed.hidden, removed.shown);
}

/// A new field of bytes has to be put on one side or the other.
TEST(Secrets, of_all_bytes_in_all_messages_it_is_known_whether_they_are_secret) {
    const std::set<std::string_view> open{
        "assignment", "client_host_address", "member_assignment", "member_metadata", "metadata", "metrics",
        "owned_partitions", "records", "request_principal", "subscription", "unaligned_records", "user_data",
    };
    std::set<const Schema*> seen;
    std::set<std::string_view> secret;
    const std::function<void(const Schema&)> walk = [&](const Schema& schema) {
        if (!seen.insert(&schema).second) return;
        for (const auto* fields : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *fields) {
                const Type* type = field.type;
                while (type->kind == Kind::array) type = type->element;
                if (type->kind == Kind::structure) walk(type->schema());
                if (type->kind != Kind::bytes) continue;
                if (is_secret(field)) {
                    secret.insert(field.name);
                } else {
                    EXPECT_TRUE(open.contains(field.name)) << field.name << " is new: is it a secret?";
                }
            }
        }
    };
    for (const Schema* schema : all_messages()) walk(*schema);
    for (const Schema* schema : embedded_messages()) walk(*schema);
    EXPECT_THAT(secret, testing::UnorderedElementsAre("auth_bytes", "hmac", "request_data", "response_data", "salt",
                                                      "salted_password", "server_key", "stored_key"));
}

/// As records of `__cluster_metadata` begin: frame version, type, version.
std::string metadata_value(char type, const std::string& name, const std::string& json) {
    const Schema* const schema = find_message(name);
    const auto message = schema->make();
    EXPECT_FALSE(from_json(*schema, message.get(), 0, json));
    std::string value{'\1', type, '\0'};
    EXPECT_FALSE(encode(*schema, message.get(), 0, value));
    return value;
}

TEST(Secrets, of_the_clusters_metadata_are_hidden_wherever_its_records_are_opened) {
    const std::string scram = metadata_value(
        11, "UserScramCredentialRecord",
        R"({"name":"alice","salt":"c2VjcmV0","storedKey":"c2VjcmV0","iterations":4096})");
    const std::string password =
        metadata_value(4, "ConfigRecord", R"({"name":"ssl.key.password","value":"hunter2"})");
    const std::string plain = metadata_value(4, "ConfigRecord", R"({"name":"cleanup.policy","value":"compact"})");
    EXPECT_TRUE(is_secret_record(std::nullopt, scram));
    EXPECT_TRUE(is_secret_record(std::nullopt, password));
    EXPECT_FALSE(is_secret_record(std::nullopt, plain));
    EXPECT_FALSE(is_secret_record("key", scram));
    EXPECT_FALSE(is_secret_record(std::nullopt, scram.substr(0, scram.size() - 1)));
    EXPECT_FALSE(is_secret_record(std::nullopt, "a message"));
    EXPECT_FALSE(is_secret_record(std::nullopt, std::nullopt));

    EmbeddedMessage found;
    ASSERT_FALSE(find_value(InternalLog::cluster_metadata, {}, Bytes::copy_of(scram), found));
    std::string out;
    append_embedded_json(out, found, Secrets::hidden);
    EXPECT_THAT(out, HasSubstr(R"("name":"alice")"));
    EXPECT_THAT(out, Not(HasSubstr("c2VjcmV0")));
    found.version = 9;
    out.clear();
    append_embedded_json(out, found, Secrets::hidden);
    EXPECT_THAT(out, HasSubstr(R"("hex":{"hidden":true},"note":"a version newer than kwire")"));

    Compressor compressor;
    RecordBatchBuilder builder({});
    builder.append(0, std::nullopt, password);
    builder.append(0, std::nullopt, plain);
    FetchResponse response;
    auto& topic = response.responses.emplace_back();
    topic.topic = "__cluster_metadata";
    topic.topic_id.bytes[15] = 1;
    topic.partitions.emplace_back().records = Bytes::own(builder.build(compressor));
    for (const std::int16_t version : {12, 13}) {
        const std::string opened = to_json(response, version, RecordsAs::batches, Secrets::hidden);
        EXPECT_THAT(opened, HasSubstr(R"("value":{"hidden":true})"));
        EXPECT_THAT(opened, HasSubstr("compact"));
        EXPECT_THAT(opened, Not(HasSubstr("hunter2")));
        EXPECT_THAT(to_json(response, version, RecordsAs::base64, Secrets::hidden),
                    HasSubstr(R"("records":{"hidden":true})"));
    }
    topic.topic = "clicks";
    EXPECT_THAT(to_json(response, 12, RecordsAs::base64, Secrets::hidden), HasSubstr(R"("records":"AAAA)"));
}

}  // namespace
}  // namespace kwire::test
