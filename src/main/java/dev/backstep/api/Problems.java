package dev.backstep.api;

import dev.backstep.job.OperatorException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;

/** Turns every failure into a problem document; what is nobody's fault but ours goes to the log. */
@RestControllerAdvice
class Problems extends ResponseEntityExceptionHandler {

  private static final Logger log = LoggerFactory.getLogger(Problems.class);

  @ExceptionHandler(Problem.class)
  ResponseEntity<ProblemDetail> refused(Problem problem) {
    ProblemDetail detail = problem.detail();
    return ResponseEntity.status(detail.getStatus()).body(detail);
  }

  @ExceptionHandler(OperatorException.class)
  ResponseEntity<ProblemDetail> refused(OperatorException e) {
    HttpStatus status = status(e.kind());
    return ResponseEntity.status(status).body(Problem.detail(status, e));
  }

  static HttpStatus status(OperatorException.Kind kind) {
    return switch (kind) {
      case NOT_FOUND -> HttpStatus.NOT_FOUND;
      case USAGE -> HttpStatus.BAD_REQUEST;
      case UNPROTECTED -> HttpStatus.UNPROCESSABLE_CONTENT;
      default -> HttpStatus.CONFLICT;
    };
  }

  @ExceptionHandler(RuntimeException.class)
  ResponseEntity<ProblemDetail> broken(RuntimeException e) {
    log.error("a request failed", e);
    HttpStatus status = HttpStatus.INTERNAL_SERVER_ERROR;
    return ResponseEntity.status(status)
        .body(Problem.detail(status, "the server failed; its log says why"));
  }
}
