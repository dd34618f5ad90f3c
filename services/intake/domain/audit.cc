#include "services/intake/domain/audit.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::intake {

std::string FirstAuditHash() { return std::string(32, '\0'); }

std::string AuditHash(const std::string& previous, const std::string& entry) {
  return Sha256(absl::StrCat(previous, entry));
}

void AddAuditEntry(const v1::AuditChainAdvanced* chain, const AuditedAct& act, const std::string& caller_token,
                   const Context& ctx, IntakeDecided* d) {
  const std::string id = ctx.NewId("au");
  v1::AuditEntry entry;
  entry.set_name(absl::StrCat("auditEntries/", id));
  entry.set_shard(ctx.shard);
  entry.set_number(chain ? chain->number() + 1 : 1);
  *entry.mutable_occurred_at() = TimeOf(ctx.now_ms);
  entry.set_actor(ActorName(ctx.actor, caller_token));
  for (const Post& post : ctx.actor.posts) entry.add_posts(post.role);
  entry.set_action(act.action);
  entry.set_object(act.object);
  entry.set_person_token(act.person_token);
  entry.set_detail(act.detail);

  v1::JournalEvent link;
  auto& recorded = *link.mutable_audit_entry_recorded();
  recorded.set_entry(entry.SerializeAsString());
  recorded.set_previous_sha256(chain ? chain->sha256() : FirstAuditHash());
  recorded.set_sha256(AuditHash(recorded.previous_sha256(), recorded.entry()));
  v1::JournalEvent end;
  end.mutable_audit_chain_advanced()->set_number(entry.number());
  end.mutable_audit_chain_advanced()->set_sha256(recorded.sha256());
  d->Add(id, std::move(link));
  d->Add(kAuditChain, std::move(end));
}

v1::AuditEntry AuditEntryOf(const v1::AuditEntryRecorded& recorded) {
  v1::AuditEntry entry;
  entry.ParseFromString(recorded.entry());
  entry.set_previous_sha256(recorded.previous_sha256());
  entry.set_sha256(recorded.sha256());
  return entry;
}

}  // namespace civicmesh::intake
