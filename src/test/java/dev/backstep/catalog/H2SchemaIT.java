package dev.backstep.catalog;

import java.nio.file.Path;

class H2SchemaIT extends SchemaContract {

  @Override
  DatabaseSettings newDatabase(Path home) {
    return DatabaseSettings.of(home, name -> null);
  }
}
