package dev.backstep.schedule;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What the servers of one database do by themselves.
 *
 * @param maxBackups backups at once on all of them, 4 unless set
 * @param maxBackupsPerHost backups at once that read from one host, 2 unless set; those that read
 *     from files and sockets of the server itself count in {@code maxBackups} only
 * @param maxBackupsPerRepository backups at once into one repository, 4 unless set
 * @param reloadInterval how often the folder of job definitions is looked at; 10 seconds unless
 *     set, 0 for never
 * @param misfireAfter a start is missed when it is so late; 5 minutes unless set
 * @param historyKeep how long the job repository remembers the executions of backups that are
 *     completed or abandoned; 90 days unless set
 * @param firesKeep how long it is remembered what schedules asked for; 400 days unless set
 * @param auditKeep how long it is remembered who changed what; 400 days unless set
 */
@ConfigurationProperties("backstep.server")
record ScheduleSettings(
    @DefaultValue("4") int maxBackups,
    @DefaultValue("2") int maxBackupsPerHost,
    @DefaultValue("4") int maxBackupsPerRepository,
    @DefaultValue("10s") Duration reloadInterval,
    @DefaultValue("5m") Duration misfireAfter,
    @DefaultValue("90d") Duration historyKeep,
    @DefaultValue("400d") Duration firesKeep,
    @DefaultValue("400d") Duration auditKeep) {

  private static final int BACKUPS_MAX = 1000;

  ScheduleSettings {
    count("max-backups", maxBackups);
    count("max-backups-per-host", maxBackupsPerHost);
    count("max-backups-per-repository", maxBackupsPerRepository);
    atLeast("reload-interval", reloadInterval, Duration.ZERO);
    atLeast("misfire-after", misfireAfter, Duration.ofSeconds(10));
    atLeast("history-keep", historyKeep, Duration.ofDays(1));
    atLeast("fires-keep", firesKeep, Duration.ofDays(1));
    atLeast("audit-keep", auditKeep, Duration.ofDays(1));
  }

  private static void count(String property, int value) {
    if (value < 1 || value > BACKUPS_MAX) {
      throw new IllegalArgumentException(
          "backstep.server." + property + " is " + value + ", accepted are 1 to " + BACKUPS_MAX);
    }
  }

  private static void atLeast(String property, Duration value, Duration least) {
    if (value.compareTo(least) < 0) {
      throw new IllegalArgumentException(
          "backstep.server."
              + property
              + " is "
              + value
              + ", accepted are durations of at least "
              + least);
    }
  }
}
