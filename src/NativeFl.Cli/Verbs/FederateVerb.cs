using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>federate: a federation of clients in simulation, round after round.</summary>
internal static class FederateVerb
{
    private const string ModelFolder = "model", PartitionFileName = "partition.json";

    public static Verb Verb => new(
        "federate",
        "Fine-tune a model over many clients of unequal rank, in simulation",
        [
            DataFlags.Model, DataFlags.Data, .. FederationFlags.All, .. DepthFlags.All, .. TrainingFlags.Adapter, .. TrainingFlags.Optimiser, TrainingFlags.ProximalMu,
            .. DataFlags.Prompt, EvaluationFlags.EvalData, .. ClientValueFlags.All, TrainingFlags.Resume, OutputFlags.SaveType, OutputFlags.Folder,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        ResumableFolder output = ResumableFolder.Claim(run);
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent? start = input.Adapter(run.Get(TrainingFlags.InitialAdapter));
        FederationClients clients = FederationDepth.WithDrops(run, input.Config, FederationClients.Load(run, input.Config, input.Tokenizer));
        FederationOptions options = Options(run, input, start) with { Values = FederationValues.Load(run, input.Config, input.Tokenizer) };
        ClientRefinement? refinement = FederationRefinement.Of(run);
        HeldOutSet? heldOut = EvaluationFlags.HeldOut(run, input.Config, input.Tokenizer);
        DType? given = BaseType(run, options.Method);
        foreach (ClientSpecification client in options.Admit(clients.Clients, input.Config))
            _ = options.Training.StepsFor(client.Examples.Count, run.Flags.Source(EpochsFlag(run)));

        MemoryBudget? budget = FederationDepth.Budget(run, input.Config, options.Method, clients.Clients.Count);
        DType type = given ?? input.WeightType;
        if (budget is not null)
        {
            clients = clients with { Clients = budget.Fit(run.Device, input.Config, type, options, clients.Clients, clients.Examples) };
            FederationDepth.Print(run, options.Admit(clients.Clients, input.Config));
        }

        if (refinement is null) FederationValues.Plan(run, options, options.Admit(clients.Clients, input.Config), input.Config, clients);
        output.Identify(new RunIdentity(run, type, clients.Hash(options.Values), FederationDepth.PlanOf(clients.Clients)));
        FederationResume? resume = run.Get(TrainingFlags.Resume) ? FederationResume.Load(output.Path, input.Config) : null;
        using Transformer model = resume?.BaseFolder is { } folder ? Transformer.Load(run.Backend, folder, type) : input.Load(type);
        var settings = new AdapterSettings
        {
            Dropout = options.Training.Dropout,
            UseRsLora = options.Lora.UseRsLora,
            BaseModel = run.Get(DataFlags.Model),
            LayerCount = model.Config.LayerCount,
        };
        var trainer = new TrainerOptions { CheckpointFolder = FederationResume.TrainingFolder(output.Path), CheckpointEvery = int.MaxValue };
        Func<Transformer>? original = resume?.BaseFolder is null ? null : () => input.Load(type);
        FederationClients kept = FederationRefinement.Apply(run, refinement, options, clients, model, original);

        // A share of the training of what was kept.
        if (refinement is not null) FederationValues.Plan(run, options, options.Admit(kept.Clients, input.Config), input.Config, kept);
        output.Begin();
        using var files = new FederationOutput(run, output.Path, model, settings, resume?.Rounds ?? []);
        var federation = new FederatedRun(model, options, kept.Clients, kept.Examples, files, trainer, resume?.State);
        AtomicFile.Write(
            Path.Combine(output.Path, PartitionFileName), stream => PartitionFile.Write(stream, options, federation.Clients, clients.Examples, refinement is null ? null : clients.Clients));
        FederationResult result = federation.Run(heldOut is null ? null : server => HeldOutFigures.Measure(server, heldOut, run.Cancellation), run.Cancellation);
        return Finish(run, output, input, federation, result, files.Rounds, FederationRefinement.Json(refinement, clients, kept));
    }

    private static JsonObject Finish(
        VerbRun run, ResumableFolder output, ModelInput input, FederatedRun federation, FederationResult result, List<JsonObject> rounds,
        JsonObject? refined)
    {
        var json = new JsonObject
        {
            ["method"] = result.Method,
            ["rounds"] = new JsonArray([.. rounds.Select(round => round.DeepClone())]),
            ["initial_eval"] = FederationJson.Evaluation(result.InitialEvaluation),
            ["base_bytes"] = result.BaseBytes,
            ["out"] = output.Path,
        };
        if (refined is not null) json["refined"] = refined;
        if (FederationDepth.Json(federation.Clients, federation.Model.Base.Config, input.SaveType) is { } clients) json["clients"] = clients;

        // Under "local" every client ends with a model of its own: round-NN/client-NN beside the base.
        if (federation.State.Own.Count == 0)
            json["merge_rounding"] = JsonOutput.Number(FederatedModel.Save(run, input, federation.Model, Path.Combine(output.Path, ModelFolder)));

        ReportFile.Write(output.Path, run, FederationReport.Page(json));
        output.Complete(json);
        run.Print($"{output.Path}: done, see {ReportFile.FileName}");
        return json;
    }

    private static FederationOptions Options(VerbRun run, ModelInput input, AdapterFolderContent? start)
    {
        if (run.Flags.Has(FederationFlags.LocalEpochs) && (run.Flags.Has(TrainingFlags.Epochs) || run.Flags.Has(TrainingFlags.Steps)))
            throw new InvalidInputException(run.Flags.Source(FederationFlags.LocalEpochs), "one of --local-epochs, --epochs and --steps", "more");
        double dropout = start?.Settings.Dropout ?? run.Get(TrainingFlags.LoraDropout);
        TrainingOptions training = TrainingSetup.Options(run, dropout);
        training = training with { Epochs = run.Get(EpochsFlag(run)) };
        LoraOptions lora = TrainingSetup.Lora(run, input.Config, run.Get(TrainingFlags.Rank), run.Get(TrainingFlags.Alpha).Of(run.Get(TrainingFlags.Rank)));
        return new FederationOptions
        {
            Method = FederationFlags.WithEnergy(run, FederationMethods.Find(run.Get(FederationFlags.Method))),
            Rounds = run.Get(FederationFlags.Rounds),
            ClientFraction = run.Get(FederationFlags.ClientFraction),
            Renormalization = FederationFlags.RenormalizationOf(run),
            Seed = run.Seed,
            Lora = start is null ? lora : lora with { Targets = start.Targets, UseRsLora = start.Settings.UseRsLora },
            Training = training,
            Initial = start?.Weights,
            StorageType = input.SaveType,
        };
    }

    // train's name for the same number counts where it was given.
    private static Flag<double> EpochsFlag(VerbRun run) => run.Flags.Has(TrainingFlags.Epochs) ? TrainingFlags.Epochs : FederationFlags.LocalEpochs;

    /// <summary>A base that takes small sums round after round is held in f32, and rounded once at the end; null = any other is held as usual.</summary>
    private static DType? BaseType(VerbRun run, IFederationMethod method)
    {
        bool isWarm = method is IAggregationMethod and not (FloraStacking or Florist or FedExLora);
        if (OutputFlags.TypeOf(run.Get(SharedFlags.Type)) is not { } asked) return isWarm ? null : DType.F32;
        return asked == DType.F32 || isWarm
            ? asked
            : throw new InvalidInputException(run.Flags.Source(SharedFlags.Type), $"f32, for {method.Name} adds to the base every round (or --method flora-unmerged)", "bf16");
    }
}
