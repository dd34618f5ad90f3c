#include "services/analytics/domain/kpi.h"

namespace civicmesh::analytics {
namespace {

// More events than a journal record can hold.
constexpr int kIndexBits = 20;

void VisitAmounts(AmountKind kind, const Facts& facts, const Question& q, Visit visit) {
  for (const Amount& amount : facts.amounts(kind))
    if (q.Happened(amount.at_ms))
      visit({.name = facts.text(amount.of),
             .ordinal = (amount.id.offset << kIndexBits) + amount.id.index,
             .at_ms = amount.at_ms,
             .amount = amount.amount,
             .numerator = true});
}

}  // namespace

void VisitGranted(const Facts& f, const Question& q, Visit v) { VisitAmounts(AmountKind::kGranted, f, q, v); }
void VisitRedeemed(const Facts& f, const Question& q, Visit v) { VisitAmounts(AmountKind::kRedeemed, f, q, v); }
void VisitExpired(const Facts& f, const Question& q, Visit v) { VisitAmounts(AmountKind::kExpired, f, q, v); }
void VisitReversed(const Facts& f, const Question& q, Visit v) { VisitAmounts(AmountKind::kReversed, f, q, v); }
void VisitMinutes(const Facts& f, const Question& q, Visit v) { VisitAmounts(AmountKind::kMinutes, f, q, v); }

}  // namespace civicmesh::analytics
