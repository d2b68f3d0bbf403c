using NativeFl.Finetuning;

namespace NativeFl.Federation;

/// <summary>Follows a federated run: shows it, keeps its files.</summary>
public interface IFederationObserver
{
    /// <summary>A round begins with these clients.</summary>
    void OnRoundStarted(int round, IReadOnlyList<ClientSpecification> clients);

    /// <summary>Who follows the training of this round, or null.</summary>
    ITrainingObserver? TrainingObserver(int round);

    /// <summary>Something that the user should know but that does not end the run, in one line.</summary>
    void OnWarning(string message);

    /// <summary>A round is done; the model's base is already the next round's.</summary>
    void OnRoundEnded(RoundArtefacts artefacts);
}
