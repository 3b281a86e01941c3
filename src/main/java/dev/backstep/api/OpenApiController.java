package dev.backstep.api;

import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** The description of this API for programs. */
@RestController
@RequestMapping("/api/v1")
class OpenApiController {

  @GetMapping(path = "/openapi.yaml", produces = "application/yaml")
  Resource document() {
    return new ClassPathResource("api/openapi.yaml");
  }
}
