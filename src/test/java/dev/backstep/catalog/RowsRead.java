package dev.backstep.catalog;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** Counts the rows and index entries that a database reads to answer what is asked through it. */
abstract class RowsRead implements AutoCloseable {

  final Connection connection;

  private RowsRead(Connection connection) {
    this.connection = connection;
  }

  static RowsRead of(DataSource dataSource) throws SQLException {
    Connection connection = dataSource.getConnection();
    return connection.getMetaData().getDatabaseProductName().equals("H2")
        ? new OfH2(connection)
        : new OfMariaDb(connection);
  }

  /** What is to be counted is asked here. */
  abstract DataSource dataSource();

  /** All that was read so far. */
  abstract long count() throws SQLException;

  @Override
  public void close() throws SQLException {
    connection.close();
  }

  /** The server counts for each session. */
  private static final class OfMariaDb extends RowsRead {

    private final DataSource dataSource;
    private final long ofCounting;

    OfMariaDb(Connection connection) throws SQLException {
      super(connection);
      dataSource = new SingleConnectionDataSource(connection, true);
      long first = read();
      ofCounting = read() - first;
    }

    @Override
    DataSource dataSource() {
      return dataSource;
    }

    @Override
    long count() throws SQLException {
      return read() - ofCounting;
    }

    private long read() throws SQLException {
      long sum = 0;
      try (Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery("show session status like 'Handler_read%'")) {
        while (row.next()) {
          sum += row.getLong(2);
        }
      }
      return sum;
    }
  }

  /** H2 counts in EXPLAIN ANALYZE, so each statement is run once more that way. */
  private static final class OfH2 extends RowsRead {

    private static final Pattern SCANNED = Pattern.compile("scanCount: ([0-9]+)");

    private long count;

    OfH2(Connection connection) {
      super(connection);
    }

    @Override
    DataSource dataSource() {
      Connection counted =
          proxy(
              Connection.class,
              connection,
              (method, arguments) -> {
                Object result = invoke(connection, method, arguments);
                return result instanceof PreparedStatement statement
                    ? counted(String.valueOf(arguments[0]), statement)
                    : result;
              });
      return new SingleConnectionDataSource(counted, true);
    }

    @Override
    long count() {
      return count;
    }

    private PreparedStatement counted(String sql, PreparedStatement real) throws SQLException {
      List<Setting> settings = new ArrayList<>();
      return proxy(
          PreparedStatement.class,
          real,
          (method, arguments) -> {
            if (method.getName().startsWith("set") && arguments.length > 1) {
              settings.add(new Setting(method, arguments));
            }
            if (method.getName().equals("executeQuery")) {
              analyze(sql, settings);
            }
            return invoke(real, method, arguments);
          });
    }

    private void analyze(String sql, List<Setting> settings) throws SQLException {
      try (PreparedStatement statement = connection.prepareStatement("explain analyze " + sql)) {
        for (Setting setting : settings) {
          invoke(statement, setting.method(), setting.arguments());
        }
        try (ResultSet row = statement.executeQuery()) {
          while (row.next()) {
            Matcher scanned = SCANNED.matcher(row.getString(1));
            while (scanned.find()) {
              count += Long.parseLong(scanned.group(1));
            }
          }
        }
      }
    }

    private record Setting(Method method, Object[] arguments) {}

    private interface Call {
      @Nullable Object of(Method method, Object[] arguments) throws SQLException;
    }

    private static <T> T proxy(Class<T> type, T real, Call call) {
      return type.cast(
          Proxy.newProxyInstance(
              type.getClassLoader(),
              new Class<?>[] {type},
              (self, method, arguments) ->
                  call.of(method, arguments == null ? new Object[0] : arguments)));
    }

    private static @Nullable Object invoke(Object target, Method method, Object[] arguments)
        throws SQLException {
      try {
        return method.invoke(target, arguments);
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof SQLException thrown) {
          throw thrown;
        }
        throw new IllegalStateException(e.getCause());
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
