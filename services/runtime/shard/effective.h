// Which records of a journal are real (R3): the one judgement that every reader of a journal makes.
//
//   EffectiveFold fold;
//   for (record : journal) if (fold.Take(record)) Apply(record);
//
// A barrier is effective iff its epoch is the latest effective epoch + 1; a record iff epoch and owner are those of the
// latest effective barrier and its seq is the last effective one + 1. All else is void, for every reader, for ever.
#pragma once

#include <cstdint>

#include "civicmesh/log/v1/log.pb.h"

namespace civicmesh {

struct EffectiveFold {
  uint64_t epoch = 0;
  uint64_t owner = 0;
  uint64_t seq = 0;
  log::v1::InboxPoint inbox;  // the highest decided; offset -1 before the first
  int64_t now_ms = 0;

  EffectiveFold() { inbox.set_offset(-1); }

  // True where `record` is effective; then the fold has taken it in. `check_seq` is off only in a mutant.
  bool Take(const log::v1::Record& record, bool check_seq = true) {
    if (record.kind() == log::v1::Record::KIND_BARRIER) {
      if (record.epoch() != epoch + 1) return false;
      epoch = record.epoch();
      owner = record.owner();
      seq = 0;
      return true;
    }
    if (record.epoch() != epoch || record.owner() != owner) return false;
    if (check_seq && record.seq() != seq + 1) return false;
    seq = record.seq();
    if (record.inbox().offset() >= inbox.offset()) inbox = record.inbox();
    if (record.now_ms() > now_ms) now_ms = record.now_ms();
    return true;
  }
};

}  // namespace civicmesh
