#include <algorithm>
#include <array>
#include <unordered_map>

#include <kwire/protocol/add_offsets_to_txn.h>
#include <kwire/protocol/add_partitions_to_txn.h>
#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/delete_groups.h>
#include <kwire/protocol/delete_records.h>
#include <kwire/protocol/delete_topics.h>
#include <kwire/protocol/end_txn.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/header.h>
#include <kwire/protocol/init_producer_id.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_delete.h>
#include <kwire/protocol/offset_fetch.h>
#include <kwire/protocol/offset_for_leader_epoch.h>
#include <kwire/protocol/produce.h>
#include <kwire/protocol/txn_offset_commit.h>

#include "families.h"

namespace kwire::protocol {
namespace {

void add_those_with_headers(Messages& messages) {
    add_messages<
        ProduceRequest, ProduceResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
        ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetCommitRequest,
        OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, FindCoordinatorRequest,
        FindCoordinatorResponse, ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest,
        CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, DeleteRecordsRequest,
        DeleteRecordsResponse, InitProducerIdRequest, InitProducerIdResponse,
        OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, AddPartitionsToTxnRequest,
        AddPartitionsToTxnResponse, AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, EndTxnRequest,
        EndTxnResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse, DeleteGroupsRequest,
        DeleteGroupsResponse, OffsetDeleteRequest, OffsetDeleteResponse>(messages);
}

constexpr std::array families{add_those_with_headers,
                              add_acls,
                              add_brokers,
                              add_classic_groups,
                              add_client_quotas,
                              add_configs,
                              add_consumer_groups,
                              add_controlled_brokers,
                              add_delegation_tokens,
                              add_fetch_snapshot,
                              add_group_administration,
                              add_log_dirs,
                              add_partitions,
                              add_quorum,
                              add_raft_voters,
                              add_sasl,
                              add_scram_credentials,
                              add_share_group_offsets,
                              add_share_group_state,
                              add_share_groups,
                              add_streams_groups,
                              add_telemetry,
                              add_transactions};

// Each request stands right before its response, in the files as here.
Messages make_table() {
    Messages messages;
    for (const auto add : families) add(messages);
    std::stable_sort(messages.begin(), messages.end(),
                     [](const Schema* a, const Schema* b) { return *a->api_key < *b->api_key; });
    add_messages<RequestHeader, ResponseHeader>(messages);
    return messages;
}

const Messages& table() {
    static const Messages& messages = *new const Messages(make_table());
    return messages;
}

Messages make_embedded_table() {
    Messages messages;
    for (const auto add :
         {add_consumer_protocol, add_control_records, add_group_records,
          add_metadata_broker_records, add_metadata_security_records, add_metadata_topic_records,
          add_share_group_records, add_streams_group_records, add_transaction_records}) {
        add(messages);
    }
    return messages;
}

const Messages& embedded_table() {
    static const Messages& messages = *new const Messages(make_embedded_table());
    return messages;
}

using ByName = std::unordered_map<std::string_view, const Schema*>;

ByName index_by_name() {
    ByName messages;
    for (const auto* list : {&table(), &embedded_table()}) {
        for (const Schema* schema : *list) messages.emplace(schema->name, schema);
    }
    return messages;
}

// The APIs have no gaps: two places each.
const Schema* find_api(ApiKey key, std::size_t place) {
    const auto index = 2 * static_cast<std::size_t>(key) + place;
    return static_cast<std::int16_t>(key) >= 0 && index < table().size() - 2 ? table()[index]
                                                                             : nullptr;
}

}  // namespace

std::span<const Schema* const> all_messages() {
    return table();
}

std::span<const Schema* const> embedded_messages() {
    return embedded_table();
}

const Schema* find_message(std::string_view name) {
    static const ByName& messages = *new const ByName(index_by_name());
    const auto found = messages.find(name);
    return found == messages.end() ? nullptr : found->second;
}

const Schema* request_schema(ApiKey key) {
    return find_api(key, 0);
}
const Schema* response_schema(ApiKey key) {
    return find_api(key, 1);
}

}  // namespace kwire::protocol
