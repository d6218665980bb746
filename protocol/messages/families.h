// What the files of this folder add to the list of all messages.
//
// Messages that the library itself sends have a public header each. The others, which only tools
// need, and those by their schemas, are defined in the file that lists them here.
#pragma once

#include <vector>

#include <kwire/protocol/schema.h>

namespace kwire::protocol {

using Messages = std::vector<const Schema*>;

template <class... Ms>
void add_messages(Messages& messages) {
    (messages.push_back(&schema_of<Ms>()), ...);
}

void add_acls(Messages& messages);
void add_brokers(Messages& messages);
void add_classic_groups(Messages& messages);
void add_client_quotas(Messages& messages);
void add_configs(Messages& messages);
void add_consumer_groups(Messages& messages);
void add_controlled_brokers(Messages& messages);
void add_delegation_tokens(Messages& messages);
void add_fetch_snapshot(Messages& messages);
void add_group_administration(Messages& messages);
void add_log_dirs(Messages& messages);
void add_partitions(Messages& messages);
void add_quorum(Messages& messages);
void add_raft_voters(Messages& messages);
void add_sasl(Messages& messages);
void add_scram_credentials(Messages& messages);
void add_share_group_offsets(Messages& messages);
void add_share_group_state(Messages& messages);
void add_share_groups(Messages& messages);
void add_streams_groups(Messages& messages);
void add_telemetry(Messages& messages);
void add_transactions(Messages& messages);

// Messages that stand in records and in the bytes of other messages.
void add_consumer_protocol(Messages& messages);
void add_control_records(Messages& messages);
void add_group_records(Messages& messages);
void add_metadata_broker_records(Messages& messages);
void add_metadata_security_records(Messages& messages);
void add_metadata_topic_records(Messages& messages);
void add_share_group_records(Messages& messages);
void add_streams_group_records(Messages& messages);
void add_transaction_records(Messages& messages);

}  // namespace kwire::protocol
