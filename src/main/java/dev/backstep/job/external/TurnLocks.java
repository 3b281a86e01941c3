package dev.backstep.job.external;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.springframework.stereotype.Component;

/**
 * What takes turns in this process: a disk's completion, which may take as long as its image needs
 * to be checked, and the short decisions about a VM's backup. Who holds a disk may wait for its VM;
 * who holds a VM only tries for a disk. Thread-safe.
 */
@Component
class TurnLocks {

  private final Map<String, Entry> entries = new HashMap<>();

  private static final class Entry {
    final ReentrantLock lock = new ReentrantLock();
    int users;
  }

  /** A lock held by this thread until it is closed. */
  interface Hold extends AutoCloseable {
    @Override
    void close();
  }

  /** Waits for the VM's turn. */
  Hold hold(VmId vm) {
    return hold("vm " + vm);
  }

  /** Waits for the disk's turn. */
  Hold hold(DiskBackupId disk) {
    return hold("disk " + disk);
  }

  private Hold hold(String name) {
    Entry entry = use(name);
    entry.lock.lock();
    return () -> release(name, entry);
  }

  /** The disk's turn if nobody has it. */
  Optional<Hold> tryHold(DiskBackupId disk) {
    String name = "disk " + disk;
    Entry entry = use(name);
    if (entry.lock.tryLock()) {
      return Optional.of(() -> release(name, entry));
    }
    leave(name, entry);
    return Optional.empty();
  }

  private synchronized Entry use(String name) {
    Entry entry = entries.computeIfAbsent(name, absent -> new Entry());
    entry.users++;
    return entry;
  }

  private void release(String name, Entry entry) {
    entry.lock.unlock();
    leave(name, entry);
  }

  private synchronized void leave(String name, Entry entry) {
    entry.users--;
    if (entry.users == 0) {
      entries.remove(name);
    }
  }
}
