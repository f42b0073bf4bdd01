//! Counts what the program asks of its allocator. The feature `count-allocations` puts [`Counting`] before mimalloc, for the
//! benchmark.
//!
//! Each thread counts in a place of its own: a count is a load and a store, and no thread waits for another. Threads that come
//! when all places are taken share one more, and count there with atomic additions.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The counter of allocations since the start, reallocations included.
pub const ALLOCATIONS: &str = "medicalpro_allocations_total";
/// The counter of bytes that were asked for since the start. A reallocation asks for its whole new size.
pub const BYTES: &str = "medicalpro_allocated_bytes_total";

/// More than the program has threads, unless many of its requests block at the same time.
const OWN_PLACES: usize = 63;
/// The place of a thread that has not counted yet.
const NONE: usize = usize::MAX;

/// Processors fetch lines of 64 bytes in pairs.
#[repr(align(128))]
struct Place {
    allocations: AtomicU64,
    bytes: AtomicU64,
}

static PLACES: [Place; OWN_PLACES + 1] =
    [const { Place { allocations: AtomicU64::new(0), bytes: AtomicU64::new(0) } }; OWN_PLACES + 1];
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // A constant without a destructor: reading it allocates nothing, and it is there until the thread ends.
    static MINE: Cell<usize> = const { Cell::new(NONE) };
}

/// An allocator that counts, before another that allocates.
pub struct Counting<A>(pub A);

// SAFETY: every call is handed on as it came, and counting allocates nothing.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller promised what the other allocator asks for.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: as above; the memory came from the other allocator.
        unsafe { self.0.realloc(memory, layout, new_size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; the memory came from the other allocator.
        unsafe { self.0.dealloc(memory, layout) }
    }
}

fn count(size: usize) {
    let mine = MINE.get();
    let mine = if mine == NONE { take_place() } else { mine };
    let Place { allocations, bytes } = &PLACES[mine];
    if mine < OWN_PLACES {
        allocations.store(allocations.load(Relaxed) + 1, Relaxed);
        bytes.store(bytes.load(Relaxed) + size as u64, Relaxed);
    } else {
        allocations.fetch_add(1, Relaxed);
        bytes.fetch_add(size as u64, Relaxed);
    }
}

#[cold]
fn take_place() -> usize {
    let place = THREADS.fetch_add(1, Relaxed).min(OWN_PLACES);
    MINE.set(place);
    place
}

/// Allocations and bytes since the start, of all threads.
fn counted() -> (u64, u64) {
    let sum = |of: fn(&Place) -> &AtomicU64| PLACES.iter().map(|place| of(place).load(Relaxed)).sum();
    (sum(|place| &place.allocations), sum(|place| &place.bytes))
}

/// Sets the counters of the metrics to what was counted.
pub fn report() {
    let (allocations, bytes) = counted();
    metrics::counter!(ALLOCATIONS).absolute(allocations);
    metrics::counter!(BYTES).absolute(bytes);
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    /// Only this test allocates through [`Counting`], so the counts are exact.
    #[test]
    fn allocations_of_more_threads_than_places_are_all_counted() {
        const THREADS: u64 = 2 * OWN_PLACES as u64;
        let threads = (0..THREADS).map(|_| {
            std::thread::spawn(|| {
                let layout = Layout::from_size_align(64, 8).unwrap();
                for _ in 0..100 {
                    // SAFETY: the sizes are not zero, and each block goes back once with the size that it has.
                    unsafe {
                        let block = Counting(System).alloc(layout);
                        let larger = Counting(System).realloc(block, layout, 128);
                        Counting(System).dealloc(larger, Layout::from_size_align(128, 8).unwrap());
                    }
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        assert_eq!(counted(), (THREADS * 200, THREADS * 100 * (64 + 128)));
    }
}
