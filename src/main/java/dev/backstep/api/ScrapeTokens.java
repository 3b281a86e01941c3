package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;

/**
 * Tokens of those who collect metrics. While the database does not answer, when metrics are wanted
 * most, a token is good that was good when last it did. Thread-safe.
 */
final class ScrapeTokens {

  private static final Logger log = LoggerFactory.getLogger(ScrapeTokens.class);

  private static final Duration ANSWER_MAX = Duration.ofSeconds(2);

  /** Questions that may be without an answer at once; each holds a thread. */
  private static final int QUESTIONS_MAX = 2;

  private final ApiTokens tokens;
  private final Duration answerMax;
  private final Executor threads =
      question -> Thread.ofPlatform().daemon().name("scrape-token").start(question);
  private final Semaphore questions = new Semaphore(QUESTIONS_MAX);
  private final Map<String, ApiTokens.Token> good = new ConcurrentHashMap<>();

  ScrapeTokens(ApiTokens tokens) {
    this(tokens, ANSWER_MAX);
  }

  ScrapeTokens(ApiTokens tokens, Duration answerMax) {
    this.tokens = tokens;
    this.answerMax = answerMax;
  }

  /**
   * The token with this secret, unless it was revoked.
   *
   * @throws Problem 503 when the database does not answer and the token was never seen
   */
  Optional<ApiTokens.Token> find(String secret) {
    if (!questions.tryAcquire()) {
      return remembered(secret);
    }
    CompletableFuture<Optional<ApiTokens.Token>> answer =
        CompletableFuture.supplyAsync(() -> ask(secret), threads);
    try {
      return answer.get(answerMax.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      log.debug("the database does not say whether a token is good", e);
      return remembered(secret);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while a token was looked up", e);
    }
  }

  private Optional<ApiTokens.Token> ask(String secret) {
    try {
      Optional<ApiTokens.Token> token = tokens.find(secret);
      token.ifPresentOrElse(
          it -> good.put(ApiTokens.hash(secret), it), () -> good.remove(ApiTokens.hash(secret)));
      return token;
    } finally {
      questions.release();
    }
  }

  private Optional<ApiTokens.Token> remembered(String secret) {
    ApiTokens.Token token = good.get(ApiTokens.hash(secret));
    if (token == null) {
      throw new Problem(
          HttpStatus.SERVICE_UNAVAILABLE,
          "the database does not answer, so nobody knows this token; try again later");
    }
    return Optional.of(token);
  }
}
