package dev.backstep.job.backup;

import java.util.Random;

/** What becomes of a simulated machine between its backups, by chance that can be repeated. */
final class SimulatedLife {

  private SimulatedLife() {}

  static void addDisk(SimulatedSource.Machine machine, String key, Random random) {
    int size = random.nextInt(12) == 0 ? 0 : 1 + random.nextInt(3_000_000);
    SimulatedDisk disk = new SimulatedDisk(key, size, new Random(random.nextLong()));
    machine.disks.put(key, disk);
    disk.write();
  }

  /**
   * Writes, trims, sizes that change, disks that come and go, and tracking that fails.
   *
   * @param number of the day, by which a new disk is named
   */
  static void day(SimulatedSource.Machine machine, Random random, int number) {
    for (SimulatedDisk disk : machine.disks.values()) {
      for (int i = random.nextInt(5); i > 0; i--) {
        disk.write();
      }
      for (int i = random.nextInt(3); i > 0; i--) {
        disk.trim();
      }
      disk.trouble = SimulatedDisk.Trouble.NONE;
      switch (random.nextInt(10)) {
        case 0 -> disk.resetTracking();
        case 1 -> disk.trouble = SimulatedDisk.Trouble.QUERY_FAILS;
        case 2, 3 -> disk.trouble = SimulatedDisk.Trouble.DISORDER;
        case 4 -> disk.resize(disk.size() + random.nextInt(500_000));
        case 5 -> disk.resize(random.nextInt(disk.size() + 1));
        case 6 -> disk.trouble = SimulatedDisk.Trouble.LIES;
        default -> {}
      }
    }
    if (random.nextInt(6) == 0) {
      addDisk(machine, "new" + number, random);
    }
    if (machine.disks.size() > 1 && random.nextInt(8) == 0) {
      machine.disks.remove(machine.disks.keySet().iterator().next());
    }
  }
}
