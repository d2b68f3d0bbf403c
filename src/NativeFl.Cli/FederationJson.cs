using System.Text.Json.Nodes;
using NativeFl.Federation;

namespace NativeFl.Cli;

/// <summary>A federation's numbers as federate --json and metrics.jsonl write them.</summary>
internal static class FederationJson
{
    /// <summary>{"round","clients":[…],"exactness","rounding","seconds","eval"}.</summary>
    public static JsonObject Round(RoundResult round) => new()
    {
        ["round"] = round.Round,
        ["clients"] = new JsonArray([.. round.Clients.Select(Client)]),
        ["exactness"] = JsonOutput.Number(round.Exactness),
        ["rounding"] = JsonOutput.Number(round.Rounding),
        ["seconds"] = JsonOutput.Number(Math.Round(round.Seconds, 3)),
        ["eval"] = Evaluation(round.Evaluation),
    };

    /// <summary>Rounds from 1 on that were read from a file, or null if there is anything else in it.</summary>
    public static IReadOnlyList<JsonObject>? Rounds(JsonArray read) =>
        read.Select((node, i) => IsRound(node, i + 1)).All(isRound => isRound) ? [.. read.Select(node => node!.AsObject())] : null;

    /// <summary>What was measured, or null.</summary>
    public static JsonObject? Evaluation(IReadOnlyDictionary<string, double>? figures) => figures is null
        ? null
        : new JsonObject(figures.Select(f => KeyValuePair.Create(f.Key, JsonOutput.Number(f.Value))));

    private static JsonObject Client(ClientRoundResult client)
    {
        var json = new JsonObject
        {
            ["id"] = client.Id,
            ["rank"] = client.Rank,
            ["examples"] = client.Examples,
            ["steps"] = client.Steps,
            ["loss"] = JsonOutput.Number(client.Loss),
            ["tokens"] = client.Tokens,
            ["seed"] = client.Seed,
            ["upload_bytes"] = client.UploadBytes,
            ["download_bytes"] = client.DownloadBytes,
        };
        if (client.Dropped) json["dropped"] = true;
        return json;
    }

    private static bool IsRound(JsonNode? node, int number) =>
        node is JsonObject round && round["round"] is JsonValue given && given.TryGetValue(out int value) && value == number
        && round["clients"] is JsonArray clients && clients.All(IsClient) && IsNumber(round["seconds"])
        && IsNumberOrNull(round["exactness"]) && IsNumberOrNull(round["rounding"])
        && (round["eval"] is null || (round["eval"] is JsonObject eval && eval.All(figure => IsNumberOrNull(figure.Value))));

    private static bool IsClient(JsonNode? node) =>
        node is JsonObject client && client["id"] is JsonValue id && id.TryGetValue(out int _) && IsNumberOrNull(client["loss"])
        && ((string[])["rank", "examples", "steps", "upload_bytes", "download_bytes"]).All(name => IsNumber(client[name]));

    private static bool IsNumber(JsonNode? node) => node is JsonValue value && value.TryGetValue(out double number) && double.IsFinite(number);

    private static bool IsNumberOrNull(JsonNode? node) => node is null || IsNumber(node);
}
