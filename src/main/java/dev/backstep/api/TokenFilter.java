package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.DatabaseTrouble;
import dev.backstep.catalog.LoginRefused;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.core.context.SecurityContext;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;

/** Knows a caller by its bearer token, and writes down what callers change. */
final class TokenFilter extends OncePerRequestFilter {

  private static final Logger log = LoggerFactory.getLogger(TokenFilter.class);

  private static final String SCHEME = "bearer ";
  private static final int TOKEN_LENGTH_MAX = 200;
  private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS");

  private final ApiTokens tokens;
  private final ScrapeTokens scrapes;
  private final AuditTrail audit;
  private final LoginBrake brake;
  private final KnownTokens known;
  private final Consumer<LoginRefused> refusals;

  /**
   * @param nanos a clock that nobody sets, as {@link System#nanoTime}
   * @param refusals is told each
   */
  TokenFilter(
      ApiTokens tokens, AuditTrail audit, LongSupplier nanos, Consumer<LoginRefused> refusals) {
    this.tokens = tokens;
    this.scrapes = new ScrapeTokens(tokens);
    this.audit = audit;
    this.brake = new LoginBrake(nanos);
    this.known = new KnownTokens(tokens, nanos);
    this.refusals = refusals;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    String header = request.getHeader(HttpHeaders.AUTHORIZATION);
    if (header == null || !header.toLowerCase(Locale.ROOT).startsWith(SCHEME)) {
      chain.doFilter(request, response);
      return;
    }
    String address = request.getRemoteAddr();
    String secret = header.substring(SCHEME.length()).strip();
    Duration wait = brake.wait(address);
    KnownTokens.Answer before = wait.isZero() ? KnownTokens.Answer.GOOD : known.look(secret);
    if (before == KnownTokens.Answer.WRONG) {
      slow(response, wait);
      return;
    }
    if (before == KnownTokens.Answer.NOT_READ) {
      away(response);
      return;
    }
    Optional<ApiTokens.Token> token;
    try {
      token = find(request, secret);
    } catch (Problem e) {
      Problem.write(
          response, HttpStatus.SERVICE_UNAVAILABLE, String.valueOf(e.detail().getDetail()));
      return;
    } catch (RuntimeException e) {
      failed(response, e);
      return;
    }
    if (token.isPresent()) {
      known.good(secret);
      call(token.get(), request, response, chain);
    } else {
      known.wrong(secret);
      refuse(response, address, wait);
    }
  }

  /**
   * Thrown, it would have the container ask for this request's token once more, and call it none.
   */
  private static void failed(HttpServletResponse response, RuntimeException e) throws IOException {
    if (DatabaseTrouble.isAway(e)) {
      away(response);
      return;
    }
    log.error("a token was not looked up", e);
    Problem.write(response, HttpStatus.INTERNAL_SERVER_ERROR, Problems.FAILED);
  }

  private static void away(HttpServletResponse response) throws IOException {
    Problem.write(response, HttpStatus.SERVICE_UNAVAILABLE, Problems.databaseAway());
  }

  private void refuse(HttpServletResponse response, String address, Duration wait)
      throws IOException {
    if (!wait.isZero()) {
      slow(response, wait);
      return;
    }
    brake.failed(address);
    refusals.accept(new LoginRefused(false));
    Problem.write(
        response, HttpStatus.UNAUTHORIZED, "this token is unknown or revoked; ask for another");
  }

  private void slow(HttpServletResponse response, Duration wait) throws IOException {
    refusals.accept(new LoginRefused(true));
    response.setHeader(HttpHeaders.RETRY_AFTER, String.valueOf(wait.toSeconds() + 1));
    Problem.write(
        response,
        HttpStatus.TOO_MANY_REQUESTS,
        "this token is wrong, as too many from this address were; wait as long as Retry-After"
            + " says, or send a right one");
  }

  private Optional<ApiTokens.Token> find(HttpServletRequest request, String secret) {
    if (secret.length() > TOKEN_LENGTH_MAX) {
      return Optional.empty();
    }
    return request.getRequestURI().equals("/metrics") ? scrapes.find(secret) : tokens.find(secret);
  }

  /** Health is told to anybody, and never asks the database who that is. */
  @Override
  protected boolean shouldNotFilter(HttpServletRequest request) {
    String path = request.getRequestURI();
    return path.equals("/health") || path.startsWith("/health/");
  }

  private void call(
      ApiTokens.Token token,
      HttpServletRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws ServletException, IOException {
    List<String> authorities = Role.valueOf(token.role()).authorities();
    SecurityContext context = SecurityContextHolder.createEmptyContext();
    context.setAuthentication(
        UsernamePasswordAuthenticationToken.authenticated(
            token.name(), null, AuthorityUtils.createAuthorityList(authorities)));
    SecurityContextHolder.setContext(context);
    try {
      if (READING.contains(request.getMethod())) {
        chain.doFilter(request, response);
      } else {
        change(token, request, response, chain);
      }
    } finally {
      SecurityContextHolder.clearContext();
    }
  }

  /** A caller whose row the database does not take changes nothing. */
  private void change(
      ApiTokens.Token token,
      HttpServletRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws ServletException, IOException {
    String action = request.getMethod() + " " + request.getRequestURI();
    long row;
    try {
      row = audit.begin(token.name(), request.getRemoteAddr(), action);
    } catch (DataAccessException e) {
      log.warn(
          "{} of {} was refused, the database takes no row of it: {}",
          action,
          token.name(),
          e + "");
      Problem.write(
          response,
          HttpStatus.SERVICE_UNAVAILABLE,
          "nothing was changed, since the database takes no row of the audit trail"
              + Problems.systemSays(e)
              + "; send it again when it does");
      return;
    }
    RequestBody.onSubject(request, subject -> audit.about(row, action + " " + subject));
    boolean answered = false;
    try {
      chain.doFilter(request, response);
      answered = true;
    } finally {
      int status = response.getStatus();
      // Where it could not be sent, any status but the one that all begin with tells what was done.
      ended(
          row,
          answered || status != HttpStatus.OK.value()
              ? status
              : HttpStatus.INTERNAL_SERVER_ERROR.value());
    }
  }

  /** The answer tells what was done, also where the row cannot. */
  private void ended(long row, int result) {
    try {
      audit.ended(row, result);
    } catch (RuntimeException e) {
      log.error("row {} of the table audit has no result, it is {}: {}", row, result, e.toString());
    }
  }
}
