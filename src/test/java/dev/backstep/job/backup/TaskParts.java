package dev.backstep.job.backup;

import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.FilterType;

/** What runs a task, for tests of jobs that are tasks; the verbs about tasks are left out. */
@TestConfiguration(proxyBeanMethods = false)
@ComponentScan(
    basePackages = "dev.backstep.job",
    useDefaultFilters = false,
    includeFilters =
        @ComponentScan.Filter(
            type = FilterType.REGEX,
            pattern = "dev\\.backstep\\.job\\.(TaskLauncher|TaskListener|TaskEnds|RunningTasks)"))
class TaskParts {}
