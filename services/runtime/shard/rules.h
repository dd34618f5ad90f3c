// One switch per rule of the log protocol (DESIGN section 2). All on in production; the simulation turns one off at a
// time and shows which invariant breaks. A rule that nothing breaks without is not proved to be needed.
#pragma once

namespace civicmesh {

struct Rules {
  bool seq = true;              // R3: a record is effective only in sequence
  bool readback = true;         // R3: nothing is answered before it came back effective
  bool mem_drop = true;         // R3: memory ends with its epoch
  bool order = true;            // R2: the journal follows the inbox
  bool dup_wait = true;         // R2: a duplicate waits until Redis covers its record
  bool checkpoint = true;       // R2: progress past duplicates and ticks is recorded
  bool skip = true;             // R4: a scanned value already holds records up to its offset
  bool offset_first = true;     // R4: @offset is read before the values
  bool scan_verify = true;      // R4: any change of @verified under the scan spoils it
  bool fence = true;            // R5: the fold is refused under a higher epoch
  bool cas = true;              // R5: the fold is refused when @offset is not the expected one
  bool cover = true;            // R5: nothing is answered or published before @offset covers it
  bool repair_readback = true;  // R6: a refill waits for its checkpoint to come back effective
  bool drain = true;            // R6: deciding pauses during a repair
  bool ahead = true;            // R7: a time far ahead stops the shard until an operator clamps it
  bool timer_first = true;      // R7: timers due are decided before the command whose time reaches them
  bool timer_now_max = true;    // R7: a timer's now is max(shard now, due)
  bool stale = true;            // R8: an old command is refused
  bool stale_unknown = true;    // R8: a very old one is unknown instead
  bool window_fold = true;      // R8: outcomes leave by the now of records
  bool policy_highest = true;   // R8: a policy's commands are taken once
  bool hash_check = true;       // R9: the hash in @offset
  bool explained = true;        // R9: a scanned value ahead of @offset names a record that the journal has
  bool resume_check = true;     // R9: the resume offset lies within the inbox
  bool inbox_id_check = true;   // R9: the inbox record at the highest decided offset has that command id and time
  bool publish_check = true;    // R9: the last published event's record exists with its hash
  bool content_wait = true;     // R10: the inbox waits until an activated content is there
  bool content_ready = true;    // R10: nobody decides before all contents that were activated are there
  bool content_address = true;  // R10: a content is found by its hash, not as the newest of its kind
  bool activate_ahead = true;   // R10: an activation lies at least a minute ahead
  bool valid_from = true;       // R10: a version holds from its time on, not from its activation on
  bool versions_used = true;    // R10: a decision records the versions that it used
  bool unverify = true;         // R12: a takeover clears @verified of every other fold version
  bool unverify_first = true;   // R12: and does so before its first answer
  bool publish_topic = true;    // R14: the publisher resumes at the last event on the topic
  bool previous_seq = true;     // step 2: the previous record, while in flight, is named by its seq
};

}  // namespace civicmesh
