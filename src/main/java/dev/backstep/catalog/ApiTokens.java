package dev.backstep.catalog;

import dev.backstep.domain.Sha256;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Who may call the server. A token's secret is 256 random bits, so a plain SHA-256 of it gives
 * nothing away and is looked up by the database's index. Safe for use by several threads.
 */
public final class ApiTokens {

  private static final String PREFIX = "bst_";
  private static final int SECRET_BYTES = 32;
  private static final int NAME_LENGTH_MAX = 120;

  /** A token as it may be shown. */
  public record Token(String name, String role, Instant createdAt, Optional<Instant> revokedAt) {}

  private final JdbcClient jdbc;
  private final Clock clock;
  private final SecureRandom random = new SecureRandom();

  public ApiTokens(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * Makes a token.
   *
   * @return its secret, which nothing can tell again
   * @throws IllegalArgumentException when the name is empty, too long or taken
   */
  public String add(String name, String role) {
    if (name.isBlank() || name.length() > NAME_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "a token's name has 1 to " + NAME_LENGTH_MAX + " characters");
    }
    byte[] bytes = new byte[SECRET_BYTES];
    random.nextBytes(bytes);
    String secret = PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    try {
      insert(name, role, secret);
    } catch (DuplicateKeyException e) {
      throw new IllegalArgumentException("there is a token '" + name + "' already", e);
    }
    return secret;
  }

  private void insert(String name, String role, String secret) {
    jdbc.sql(
            """
            insert into api_tokens (name, secret_hash, role, created_at)
            values (:name, :hash, :role, :now)\
            """)
        .param("name", name)
        .param("hash", hash(secret))
        .param("role", role)
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }

  /** Makes a token anew: the old secret of that name is worthless from here on. */
  public String replace(String name, String role) {
    jdbc.sql("delete from api_tokens where name = :name").param("name", name).update();
    return add(name, role);
  }

  /** The token with this secret, unless it was revoked. */
  public Optional<Token> find(String secret) {
    return jdbc.sql("select * from api_tokens where secret_hash = :hash and revoked_at is null")
        .param("hash", hash(secret))
        .query((row, index) ->
            new Token(
                row.getString("name"),
                row.getString("role"),
                UtcTime.read(row, "created_at"),
                UtcTime.find(row, "revoked_at")))
        .optional();
  }

  /** What the database keeps of the secrets that are good. */
  public Set<String> hashes() {
    return Set.copyOf(
        jdbc.sql("select secret_hash from api_tokens where revoked_at is null")
            .query(String.class)
            .list());
  }

  /**
   * A page of tokens by name, the revoked ones, too.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<Token> page(PageRequest request) {
    List<Token> rows =
        jdbc.sql("select * from api_tokens where name > :after order by name limit :limit")
            .param("after", Cursor.of(request).map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) ->
                new Token(
                    row.getString("name"),
                    row.getString("role"),
                    UtcTime.read(row, "created_at"),
                    UtcTime.find(row, "revoked_at")))
            .list();
    return Cursor.page(rows, request, row -> new Cursor(0, row.name()));
  }

  /**
   * Makes a token worthless.
   *
   * @return whether there was one that worked
   */
  public boolean revoke(String name) {
    return jdbc.sql(
                "update api_tokens set revoked_at = :now where name = :name and revoked_at is null")
            .param("now", UtcTime.of(clock.instant()))
            .param("name", name)
            .update()
        == 1;
  }

  /** What the database keeps of a secret. */
  public static String hash(String secret) {
    return Sha256.of(secret);
  }
}
