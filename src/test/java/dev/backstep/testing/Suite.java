package dev.backstep.testing;

/** The suites of faults whose numbers make {@code docs/reliability.md}, in its order. */
public enum Suite {
  CRASH_POINTS(
      "CrashPointsIT",
      "The power goes at every point between two changes of a file or a folder. What was not forced"
          + " is lost, torn at sectors or reordered, names in folders too. Every image and restore"
          + " point that the catalog had acknowledged by then is checked and compared with the"
          + " model; then the next start finishes what was begun."),
  MOVER_CRASH_POINTS(
      "MoverCrashPointsIT", "The same while a backup is completed that another program copied."),
  WRITER_POWER_CUTS(
      "Qcow2PowerCutIT",
      "The power goes at every point while one image is written with checkpoints: from the newest"
          + " state that was called durable the image is gone on with, and comes out whole."),
  ERROR_MATRIX(
      "ErrorMatrixIT",
      "Every place that changes a repository meets EIO, ENOSPC, short writes and failing forces,"
          + " once and always. What was published stays right, errors name the file and what to do,"
          + " and no force that failed is taken for done."),
  MOVER_ERRORS(
      "MoverErrorMatrixIT",
      "The same for backups whose disks another program copied. An image that could not be forced"
          + " is given up: forced once more it would look clean."),
  KILL("KillIT", "kill -9 of backups of three disks, relaunched and killed again."),
  KILL_VERBS(
      "KillVerbsIT",
      "kill -9 of backup, verify, prune, merge and restore, on the embedded database and on"
          + " MariaDB."),
  MOVERS(
      "MoversIT",
      "Two programs beside a server on MariaDB copy the two disks of one backup and complete them"
          + " at the same moment. Each disk must have its own change id then, in the backup and in"
          + " what the next one is told, and an image that shows what it was."),
  FROZEN_SERVER(
      "FrozenServerIT",
      "One of two servers on one MariaDB is frozen, at any moment of its backups, until its lease"
          + " is over and the other one has completed them. When it wakes no file of the repository"
          + " and no row of a backup may change, no backup was completed by two executions, and"
          + " each image shows what the disk was. One that was frozen with a row's lock is woken"
          + " early, since the other one waits for that."),
  VERIFY("VerifyIT", "Single bits flipped in images; a verification must find each where it is."),
  FUZZ(
      "FuzzCorpusIT",
      "Hostile images, NBD peers and manifests: the inputs that the coverage-guided fuzzer"
          + " (`ops/fuzz`) begins with, sound ones and ones with a fault each, and each of them"
          + " with random damage. Taken or refused, soon, with little memory, without leaving the"
          + " folder."),
  ENDURANCE(
      "EnduranceIT",
      "More than a year of backups by schedule on a clock that is moved, pruned daily. What is left"
          + " is what an independent reading of the rules keeps, and every point restores.");

  private final String test;
  private final String about;

  Suite(String test, String about) {
    this.test = test;
    this.about = about;
  }

  /** Name of the test class. */
  public String test() {
    return test;
  }

  /** What it does, for the page. */
  public String about() {
    return about;
  }
}
