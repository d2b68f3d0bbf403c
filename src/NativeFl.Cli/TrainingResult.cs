using System.Text.Json.Nodes;
using NativeFl.Finetuning;

namespace NativeFl.Cli;

/// <summary>What train and pretrain report.</summary>
internal static class TrainingResult
{
    /// <summary>{"steps","losses","tokens","tokens_per_second","seconds"}, and what was measured on held-out data last.</summary>
    public static JsonObject Json(ClientUpdate update, double seconds, JsonObject? heldOut)
    {
        var result = new JsonObject
        {
            ["steps"] = update.Steps,
            ["losses"] = JsonOutput.Numbers(update.Losses),
            ["tokens"] = update.Tokens,
            ["tokens_per_second"] = JsonOutput.Number(Math.Round(update.Tokens / seconds, 1)),
            ["seconds"] = JsonOutput.Number(Math.Round(seconds, 3)),
        };
        if (heldOut is not null) result["eval"] = heldOut.DeepClone();
        return result;
    }
}
