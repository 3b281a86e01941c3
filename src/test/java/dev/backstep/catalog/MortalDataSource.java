package dev.backstep.catalog;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.sql.DataSource;
import org.springframework.jdbc.datasource.AbstractDataSource;

/**
 * A process's view of a database, up to its sudden end right behind every third statement that
 * makes something which no earlier process made. Its connections are gone then, without another
 * word.
 */
final class MortalDataSource extends AbstractDataSource {

  private static final int STATEMENTS_PER_LIFE = 3;

  private final DataSource target;
  private final Set<String> made = new HashSet<>();
  private final List<Connection> open = new ArrayList<>();
  private boolean dead;

  MortalDataSource(DataSource target) {
    this.target = target;
  }

  void revive() {
    dead = false;
  }

  boolean isDead() {
    return dead;
  }

  @Override
  public Connection getConnection() throws SQLException {
    if (dead) {
      throw new SQLException("the process is dead");
    }
    Connection connection = target.getConnection();
    open.add(connection);
    return mortal(Connection.class, connection, "");
  }

  @Override
  public Connection getConnection(String user, String password) {
    throw new UnsupportedOperationException("as the target's user only");
  }

  /**
   * @param prepared the text of a prepared statement, else empty
   */
  private <T> T mortal(Class<T> type, T real, String prepared) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              if (dead) {
                throw new SQLException("the process is dead");
              }
              Object result;
              try {
                result = method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getTargetException();
              }
              boolean hasText = arguments != null && arguments[0] instanceof String;
              String text = hasText ? (String) arguments[0] : prepared;
              if (method.getName().startsWith("execute")) {
                executed(text);
              }
              return switch (result) {
                case PreparedStatement statement ->
                    mortal(PreparedStatement.class, statement, text);
                case Statement statement -> mortal(Statement.class, statement, "");
                case null, default -> result;
              };
            }));
  }

  private void executed(String text) throws SQLException {
    String start = text.strip().toLowerCase(Locale.ROOT);
    boolean makes = start.startsWith("create") || start.startsWith("alter");
    if (makes && made.add(text) && made.size() % STATEMENTS_PER_LIFE == 0) {
      dead = true;
      for (Connection connection : open) {
        connection.close();
      }
      open.clear();
      throw new SQLException("the process dies behind: " + text);
    }
  }
}
