// A Post over HTTP with libcurl: keeps its connection, verifies certificates, follows no redirect, waits at most ten
// seconds. Each is used by one thread; InitCurl comes first, once per process.
#pragma once

#include "services/webhooks/delivery.h"

namespace civicmesh::webhooks {

void InitCurl();
Post NewCurlPost();

}  // namespace civicmesh::webhooks
