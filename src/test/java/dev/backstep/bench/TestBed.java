package dev.backstep.bench;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.VerifyJobs;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What every case works with.
 *
 * @param mib size of the disk in MiB
 * @param rows where results go
 */
record TestBed(
    Path folder,
    int mib,
    Measure measure,
    BackupJobs jobs,
    VerifyJobs verifyJobs,
    RestoreJobs restoreJobs,
    BackupQueries queries,
    List<Measure.Row> rows,
    AtomicInteger repositories) {}
