// The words for what enums say, in both languages. Pure functions.
#pragma once

#include <string>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/type/v1/type.pb.h"

namespace civicmesh::civicctl {

struct Words {
  const char* zh;
  const char* en;
};

Words WordsOf(type::v1::ReportSource source);
Words WordsOf(dispatch::v1::ClockKind clock);
Words WordsOf(dispatch::v1::DeclineGround ground);
Words WordsOf(dispatch::v1::VerificationResult result);
Words WordsOf(dispatch::v1::Rating rating);
Words WordsOf(dispatch::v1::EscalationGround ground);
Words WordsOf(dispatch::v1::BuckPassGround ground);
Words WordsOf(intake::v1::NoticeKind notice);
Words WordsOf(points::v1::GrantDenial denial);
// A post of a staff member, as "REGISTRAR".
Words WordsOfPost(const std::string& post);

}  // namespace civicmesh::civicctl
