# cython: language_level=3
"""A fair lock between the plane's thread and callers from Python: who comes first is served first.

A plain mutex would let a busy plane take it again before a waiting caller wakes up. Each side passes a turnstile first,
which the waiting caller holds until it has the lock."""

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t *mutex, const void *attributes)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)

cdef struct Lock:
    pthread_mutex_t turnstile
    pthread_mutex_t held


cdef inline void lock_init(Lock *lock) noexcept nogil:
    pthread_mutex_init(&lock.turnstile, NULL)
    pthread_mutex_init(&lock.held, NULL)


cdef inline void lock_destroy(Lock *lock) noexcept nogil:
    pthread_mutex_destroy(&lock.turnstile)
    pthread_mutex_destroy(&lock.held)


cdef inline void lock_take(Lock *lock) noexcept nogil:
    pthread_mutex_lock(&lock.turnstile)
    pthread_mutex_lock(&lock.held)
    pthread_mutex_unlock(&lock.turnstile)


cdef inline void lock_give(Lock *lock) noexcept nogil:
    pthread_mutex_unlock(&lock.held)
