package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

class MariaDbSchemaIT extends SchemaContract {

  @Override
  DatabaseSettings newDatabase(Path home) {
    return DatabaseSettings.of(home, MariaDbServer.shared().newDatabase()::get);
  }

  @Test
  void startsAtOnceMakeTheTablesOnce() throws Exception {
    DataSource dataSource = dataSource(newDatabase(home));
    List<Future<?>> starts = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 4; i++) {
        starts.add(
            executor.submit(() -> {
              TestCatalog.migrate(dataSource);
              return null;
            }));
      }
    }
    DataSource reference = dataSource(newDatabase(home));
    TestCatalog.migrate(reference);

    for (Future<?> start : starts) {
      start.get();
    }
    assertThat(structure(dataSource)).isEqualTo(structure(reference));
  }
}
