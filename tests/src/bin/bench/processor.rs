//! Processor time of the servers' processes, as the kernel accounts it: user and system, to the nanosecond.

use std::time::Duration;

/// What the kernel tells of a process in `/proc/PID/stat`, as far as its time needs it.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Clock ticks of children that ended and were waited for, and of theirs.
    reaped_ticks: u64,
}

/// The processor time of a process so far. Threads that ended are in it, children are not.
pub fn of_process(pid: u32) -> Duration {
    let pid = libc::pid_t::try_from(pid).expect("a process id");
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write into this frame, and fail if there is no such process.
    let told = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0 && libc::clock_gettime(clock, &raw mut time) == 0
    };
    // A process that is gone is in the time of its parent's children.
    if told { Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32) } else { Duration::ZERO }
}

/// The processor time of a process, of the children that it has, and of those that ended.
pub fn of_family(pid: u32) -> Duration {
    let reaped = || stat(pid).expect("the process runs").reaped_ticks;
    loop {
        let before = reaped();
        let living: Duration = children(pid).into_iter().map(of_process).sum();
        // If a child ended meanwhile, its time may be in both or in none.
        if reaped() == before {
            return of_process(pid) + living + Duration::from_secs_f64(before as f64 / ticks_a_second());
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("the kernel tells of its processes");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat.parent == parent)).collect()
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads a line of `/proc/PID/stat`, see proc_pid_stat(5). The second field is a name, which may hold spaces and brackets.
fn parse(line: &str) -> Option<Stat> {
    let (_, fields) = line.rsplit_once(')')?;
    let field = |number: usize| fields.split_ascii_whitespace().nth(number - 3);
    let ticks = |number| field(number)?.parse::<u64>().ok();
    Some(Stat { parent: field(4)?.parse().ok()?, reaped_ticks: ticks(16)? + ticks(17)? })
}

fn ticks_a_second() -> f64 {
    // SAFETY: it has no preconditions.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_stat_line_names_the_parent_and_the_ticks_of_ended_children() {
        let line =
            "4711 (postgres) S 4242 4711 4711 0 -1 4194304 2103 314841 0 174 39 101 1031 208 20 0 1 0 9 45830144 3202";
        assert_eq!(parse(line), Some(Stat { parent: 4242, reaped_ticks: 1031 + 208 }));
    }

    #[test]
    fn the_name_of_a_process_may_hold_brackets_and_spaces() {
        let line = "7 (a) S 1 (b) R 5 7 7 0 -1 0 1 2 3 4 10 20 30 40 20 0 1 0 9 0 0";
        assert_eq!(parse(line), Some(Stat { parent: 5, reaped_ticks: 70 }));
    }

    #[test]
    fn a_line_that_is_cut_short_is_no_stat() {
        assert_eq!(parse("7 (a) S 5 7 7 0 -1 0 1 2 3 4 10 20 30"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn the_time_of_a_family_holds_that_of_children_that_ended() {
        let before = of_family(std::process::id());
        let started = Instant::now();
        let status = Command::new("sh").args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]).status();
        assert!(status.unwrap().success());
        let (spent, passed) = (of_family(std::process::id()) - before, started.elapsed());
        assert!(spent >= Duration::from_millis(20) && spent <= passed * 64, "{spent:?} of {passed:?}");
    }
}
