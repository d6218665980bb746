#include <algorithm>
#include <array>

#include <kwire/protocol/add_offsets_to_txn.h>
#include <kwire/protocol/add_partitions_to_txn.h>
#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/create_topics.h>
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
#include <kwire/protocol/offset_fetch.h>
#include <kwire/protocol/offset_for_leader_epoch.h>
#include <kwire/protocol/produce.h>
#include <kwire/protocol/txn_offset_commit.h>

namespace kwire::protocol {
namespace {

template <class... Apis>
auto schemas_of() {
    return std::array{&schema_of<Apis>()...};
}

const auto& table() {
    static const auto messages =
        schemas_of<ProduceRequest, ProduceResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
                   ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetCommitRequest,
                   OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
                   FindCoordinatorRequest, FindCoordinatorResponse, ApiVersionsRequest,
                   ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse,
                   DeleteTopicsRequest, DeleteTopicsResponse, DeleteRecordsRequest,
                   DeleteRecordsResponse, InitProducerIdRequest, InitProducerIdResponse,
                   OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
                   AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddOffsetsToTxnRequest,
                   AddOffsetsToTxnResponse, EndTxnRequest, EndTxnResponse, TxnOffsetCommitRequest,
                   TxnOffsetCommitResponse, RequestHeader, ResponseHeader>();
    return messages;
}

// Requests stand at even places, each before its response.
const Schema* find_api(ApiKey key, std::size_t first) {
    for (std::size_t i = first; i < table().size(); i += 2) {
        if (table()[i]->api_key == key) return table()[i];
    }
    return nullptr;
}

}  // namespace

std::span<const Schema* const> all_messages() {
    return table();
}

const Schema* find_message(std::string_view name) {
    const auto found = std::find_if(table().begin(), table().end(),
                                    [name](const Schema* s) { return s->name == name; });
    return found == table().end() ? nullptr : *found;
}

const Schema* request_schema(ApiKey key) {
    return find_api(key, 0);
}
const Schema* response_schema(ApiKey key) {
    return find_api(key, 1);
}

}  // namespace kwire::protocol
