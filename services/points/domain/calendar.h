// Days and months of points, in Asia/Shanghai. Pure functions; times are milliseconds since 1970.
#pragma once

#include <cstdint>

namespace civicmesh::points {

// As 20261118.
int32_t DayOf(int64_t ms);
// As 202611.
int32_t MonthOf(int64_t ms);

// When what is granted at `granted_ms` expires: the midnight after the day of the same number so many calendar months
// later, or after that month's last day where it has no such day (民法典 §202, §203).
int64_t ExpiryOf(int64_t granted_ms, int months);

}  // namespace civicmesh::points
