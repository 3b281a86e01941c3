package dev.backstep.api;

import dev.backstep.job.OperatorException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import tools.jackson.databind.json.JsonMapper;

/** An answer that says what is wrong and what to do (RFC 9457). */
final class Problem extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private static final String KIND = "kind";

  private final HttpStatus status;

  Problem(HttpStatus status, String text) {
    super(text);
    this.status = status;
  }

  static ProblemDetail detail(HttpStatus status, String text) {
    ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, text);
    problem.setType(URI.create("about:blank"));
    problem.setTitle(status.getReasonPhrase());
    problem.setProperty(KIND, kind(status));
    return problem;
  }

  /** With the command line's word for what went wrong, which says more than the status. */
  static ProblemDetail detail(HttpStatus status, OperatorException e) {
    ProblemDetail problem = detail(status, e.getMessage());
    problem.setProperty(KIND, word(e.kind()));
    return problem;
  }

  private static String kind(HttpStatus status) {
    return word(
        switch (status) {
          case BAD_REQUEST -> OperatorException.Kind.USAGE;
          case NOT_FOUND -> OperatorException.Kind.NOT_FOUND;
          case CONFLICT -> OperatorException.Kind.CONFLICT;
          case UNPROCESSABLE_CONTENT -> OperatorException.Kind.UNPROTECTED;
          default -> OperatorException.Kind.FAILED;
        });
  }

  private static String word(OperatorException.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  ProblemDetail detail() {
    return detail(status, String.valueOf(getMessage()));
  }

  /** Writes a problem where no controller is reached. */
  static void write(HttpServletResponse response, HttpStatus status, String text)
      throws IOException {
    response.setStatus(status.value());
    response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
    response.setCharacterEncoding("UTF-8");
    ProblemDetail problem = detail(status, text);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put(KIND, kind(status));
    fields.put("type", "about:blank");
    fields.put("title", String.valueOf(problem.getTitle()));
    fields.put("status", status.value());
    fields.put("detail", text);
    response.getWriter().write(JSON.writeValueAsString(fields));
  }
}
