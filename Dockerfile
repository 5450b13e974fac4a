# The demo, alone: built from the whole workspace, shipped without it.

FROM node:24-bookworm-slim AS build
ENV CI=true TURBO_TELEMETRY_DISABLED=1
WORKDIR /workspace
COPY package.json ./
RUN npm install --global "$(node --print 'require("./package.json").packageManager')"
COPY . .
RUN pnpm install --frozen-lockfile --filter @dashtam/demo...
RUN pnpm exec turbo run build --filter @dashtam/demo
# Optional dependencies are Node itself, which the image has, and accelerators that nothing here needs.
RUN pnpm --filter @dashtam/demo deploy --prod --no-optional /app

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app ./
RUN install --directory --owner node --group node /data
USER node
EXPOSE 3000 4000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself, and not a package manager's script: SIGTERM has to reach it.
CMD ["node", "dist/main.js"]
