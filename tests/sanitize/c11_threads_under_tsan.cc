// Makes C11's threads, mutexes and conditions of POSIX ones. ThreadSanitizer knows nothing of C11's: a thread that
// thrd_create made crashes in the first function that TSan watches, and what mtx_lock orders it does not see.
// librdkafka is made of them.
//
// Part of every program of the tsan preset, in place of glibc's, whose types hold the same. Locks for readers and
// writers pass through here on their way to TSan, which tsan.supp lets overlook what librdkafka calls directly.
#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t) &&
              sizeof(thrd_t) == sizeof(pthread_t));

namespace {

struct Start {
  thrd_start_t run;
  void* with;
};

void* Run(void* data) {
  const Start start = *static_cast<Start*>(data);
  delete static_cast<Start*>(data);
  return reinterpret_cast<void*>(static_cast<intptr_t>(start.run(start.with)));
}

int Code(int error) {
  return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : error == EBUSY ? thrd_busy : thrd_error;
}

using RwLockCall = int (*)(pthread_rwlock_t*);
RwLockCall OfTsan(const char* name) { return reinterpret_cast<RwLockCall>(dlsym(RTLD_NEXT, name)); }

auto* Posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
auto* Posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run, void* with) {
  return Code(pthread_create(thread, nullptr, Run, new Start{run, with}));
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (result) *result = static_cast<int>(reinterpret_cast<intptr_t>(returned));
  return Code(error);
}

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (type & mtx_recursive) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(Posix(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return Code(error);
}

void mtx_destroy(mtx_t* mutex) { pthread_mutex_destroy(Posix(mutex)); }
int mtx_lock(mtx_t* mutex) { return Code(pthread_mutex_lock(Posix(mutex))); }
int mtx_trylock(mtx_t* mutex) { return Code(pthread_mutex_trylock(Posix(mutex))); }
int mtx_unlock(mtx_t* mutex) { return Code(pthread_mutex_unlock(Posix(mutex))); }

int cnd_init(cnd_t* condition) { return Code(pthread_cond_init(Posix(condition), nullptr)); }
void cnd_destroy(cnd_t* condition) { pthread_cond_destroy(Posix(condition)); }
int cnd_signal(cnd_t* condition) { return Code(pthread_cond_signal(Posix(condition))); }
int cnd_broadcast(cnd_t* condition) { return Code(pthread_cond_broadcast(Posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) { return Code(pthread_cond_wait(Posix(condition), Posix(mutex))); }
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return Code(pthread_cond_timedwait(Posix(condition), Posix(mutex), until));
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  static const RwLockCall call = OfTsan("pthread_rwlock_rdlock");
  return call(lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  static const RwLockCall call = OfTsan("pthread_rwlock_wrlock");
  return call(lock);
}
int pthread_rwlock_unlock(pthread_rwlock_t* lock) {
  static const RwLockCall call = OfTsan("pthread_rwlock_unlock");
  return call(lock);
}

}  // extern "C"
