package dev.backstep.catalog;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/** A catalog with a {@link BulkHistory} in it, for benchmarks. */
public final class LargeCatalog implements AutoCloseable {

  /** The folder of its only repository, which is not there. */
  public static final String REPOSITORY = "/backups";

  private final TestCatalog catalog;
  private final BulkHistory history;
  private final Map<String, String> environment;

  private LargeCatalog(TestCatalog catalog, BulkHistory history, Map<String, String> environment)
      throws Exception {
    this.catalog = catalog;
    this.environment = environment;
    this.history = history;
    history.write(catalog.dataSource);
  }

  /** On the embedded database, in a folder. */
  public static LargeCatalog h2(Path home, int backups, int vms) throws Exception {
    return new LargeCatalog(
        TestCatalog.h2(home, Clock.systemUTC()), history(backups, vms), Map.of());
  }

  /** On a real MariaDB server of its own; the folder is not used. */
  public static LargeCatalog mariaDb(Path home, int backups, int vms) throws Exception {
    Map<String, String> environment = MariaDbServer.shared().newDatabase();
    return new LargeCatalog(
        TestCatalog.mariaDb(home, Clock.systemUTC(), environment),
        history(backups, vms),
        environment);
  }

  private static BulkHistory history(int backups, int vms) {
    return new BulkHistory(backups, 5, vms, Instant.now().truncatedTo(ChronoUnit.SECONDS));
  }

  /** Every query of the program, then those of {@code ops/sql}. */
  public Map<String, HistoryQueries.Query> queries() throws Exception {
    HistoryQueries queries = new HistoryQueries(history, catalog.dataSource, catalog.leases);
    Map<String, HistoryQueries.Query> all = new LinkedHashMap<>(queries.all());
    all.putAll(queries.files(catalog.dataSource));
    return all;
  }

  /** By which variables the program finds this database; the embedded one by its folder alone. */
  public Map<String, String> environment() {
    return environment;
  }

  public KeptPoints keptPoints() {
    return new KeptPoints(catalog.dataSource, Clock.systemUTC());
  }

  public Repositories repositories() {
    return catalog.repositories;
  }

  @Override
  public void close() {
    catalog.close();
  }
}
