package dev.backstep.api;

import dev.backstep.catalog.DatabaseTrouble;
import dev.backstep.job.OperatorException;
import org.apache.tomcat.util.http.InvalidParameterException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.ErrorResponse;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.servlet.resource.NoResourceFoundException;

/** Turns every failure into a problem document; what is nobody's fault but ours goes to the log. */
@RestControllerAdvice
class Problems extends ResponseEntityExceptionHandler {

  private static final Logger log = LoggerFactory.getLogger(Problems.class);

  static final String FAILED = "the server failed; its log says why";

  private static final String DATABASE_AWAY =
      "the database does not answer%s; the server goes on when it does. Look then whether this"
          + " request was carried out, and send it again if not";

  private static final String DESCRIPTION =
      "; GET /api/v1/openapi.yaml describes what can be asked, and how";

  @ExceptionHandler(Problem.class)
  ResponseEntity<ProblemDetail> refused(Problem problem) {
    ProblemDetail detail = problem.detail();
    return ResponseEntity.status(detail.getStatus()).body(detail);
  }

  @ExceptionHandler(OperatorException.class)
  ResponseEntity<ProblemDetail> refused(OperatorException e) {
    HttpStatus status = HttpStatus.valueOf(e.kind().httpStatus());
    return ResponseEntity.status(status).body(Problem.detail(status, e));
  }

  /** The query cannot be decoded. */
  @ExceptionHandler(InvalidParameterException.class)
  ResponseEntity<ProblemDetail> malformed(InvalidParameterException e) {
    log.debug("a query was refused", e);
    HttpStatus status = HttpStatus.BAD_REQUEST;
    return ResponseEntity.status(status)
        .body(Problem.detail(status, "a parameter cannot be decoded; percent-encode it in UTF-8"));
  }

  @ExceptionHandler(RuntimeException.class)
  ResponseEntity<ProblemDetail> broken(RuntimeException e) {
    if (DatabaseTrouble.isAway(e)) {
      log.warn(
          "a request was not answered, the database is away: {}: {}",
          e.getMessage(),
          NestedExceptionUtils.getMostSpecificCause(e).getMessage());
      HttpStatus away = HttpStatus.SERVICE_UNAVAILABLE;
      return ResponseEntity.status(away)
          .body(Problem.detail(away, DATABASE_AWAY.formatted(systemSays(e))));
    }
    log.error("a request failed", e);
    HttpStatus status = HttpStatus.INTERNAL_SERVER_ERROR;
    return ResponseEntity.status(status).body(Problem.detail(status, FAILED));
  }

  /** For whoever has not shown yet who is asking: nothing of where the database is. */
  static String databaseAway() {
    return DATABASE_AWAY.formatted("");
  }

  /** As that a disk is full; what a driver says is for the log. Empty when it says nothing. */
  static String systemSays(RuntimeException e) {
    return DatabaseTrouble.isOfSystem(e)
        ? " (" + NestedExceptionUtils.getMostSpecificCause(e).getMessage() + ")"
        : "";
  }

  /** What the framework refuses by itself gets what all our problems have. */
  @Override
  protected @Nullable ResponseEntity<Object> handleExceptionInternal(
      Exception e,
      @Nullable Object body,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    HttpStatus known = HttpStatus.valueOf(status.value());
    return new ResponseEntity<>(Problem.detail(known, text(e, known)), headers, known);
  }

  private static String text(Exception e, HttpStatus status) {
    return switch (e) {
      case MethodArgumentTypeMismatchException wrong ->
          "'"
              + wrong.getName()
              + "' is '"
              + wrong.getValue()
              + "', expected "
              + (wrong.getRequiredType() == boolean.class ? "true or false" : "a whole number");
      case NoResourceFoundException absent ->
          absent.getResourcePath() + ": no such path" + DESCRIPTION;
      case HttpRequestMethodNotSupportedException wrong ->
          wrong.getMethod() + " does not go with this path" + DESCRIPTION;
      case ErrorResponse refused when refused.getBody().getDetail() != null ->
          refused.getBody().getDetail() + DESCRIPTION;
      default -> status.getReasonPhrase() + DESCRIPTION;
    };
  }
}
