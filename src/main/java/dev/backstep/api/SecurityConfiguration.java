package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.catalog.AuditTrail;
import jakarta.servlet.DispatcherType;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.UsernamePasswordAuthenticationFilter;
import org.springframework.security.web.firewall.RequestRejectedHandler;

/** Who may call: health is open, all else needs a token whose role allows it. */
@Configuration(proxyBeanMethods = false)
class SecurityConfiguration {

  @Bean
  SecurityFilterChain securityFilterChain(
      HttpSecurity http, ApiTokens tokens, AuditTrail audit, ApplicationEventPublisher events) {
    TokenFilter filter = new TokenFilter(tokens, audit, System::nanoTime, events::publishEvent);
    return http.authorizeHttpRequests(requests ->
            requests
                // The end of a stream whose caller was let in when it began.
                .dispatcherTypeMatchers(DispatcherType.ASYNC)
                .permitAll()
                .requestMatchers("/health", "/health/**")
                .permitAll()
                .requestMatchers("/api/v1/tokens/**", "/api/v1/tokens", "/api/v1/audit")
                .hasRole(Role.ADMIN.name())
                .requestMatchers(HttpMethod.DELETE, "/api/**")
                .hasRole(Role.ADMIN.name())
                // They write where the server may write, and run what a backup holds.
                .requestMatchers(
                    HttpMethod.POST,
                    "/api/v1/restores",
                    "/api/v1/copies",
                    "/api/v1/restore-tests",
                    "/api/v1/tasks/restore-*/relaunch",
                    "/api/v1/tasks/copy-*/relaunch",
                    "/api/v1/tasks/test-*/relaunch")
                .hasRole(Role.ADMIN.name())
                .requestMatchers(HttpMethod.GET, "/api/**", "/metrics")
                .hasRole(Role.VIEWER.name())
                .requestMatchers("/api/**")
                .hasRole(Role.OPERATOR.name())
                .anyRequest()
                .denyAll())
        .csrf(csrf -> csrf.disable())
        .sessionManagement(
            sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .requestCache(cache -> cache.disable())
        .logout(logout -> logout.disable())
        .exceptionHandling(refusals ->
            refusals
                .authenticationEntryPoint((request, response, e) ->
                    Problem.write(
                        response,
                        HttpStatus.UNAUTHORIZED,
                        "send a token: Authorization: Bearer ...; the administrator's is in"
                            + " admin.token of the server's home folder"))
                .accessDeniedHandler((request, response, e) ->
                    Problem.write(
                        response,
                        HttpStatus.FORBIDDEN,
                        "this token's role does not allow that; operators start and stop,"
                            + " administrators do the rest")))
        .addFilterBefore(filter, UsernamePasswordAuthenticationFilter.class)
        .build();
  }

  /** A path that is none is said to be, instead of asking for a token that was sent. */
  @Bean
  RequestRejectedHandler requestRejectedHandler() {
    return (request, response, e) ->
        Problem.write(
            response,
            HttpStatus.BAD_REQUEST,
            "the path or a header holds what no request of this API needs; GET"
                + " /api/v1/openapi.yaml describes what can be asked, and how");
  }
}
