using System.Text.Json.Serialization;

namespace DpSgd.Accounting;

/// <summary>
/// Something that was done to private data, described by what it costs: the randomised mechanism alone, never the data
/// or its result. Accountants (<see cref="IPrivacyAccountant"/>) turn events into a guarantee.
/// </summary>
/// <remarks>
/// Events are immutable and compare by value. An accountant that cannot bound an event refuses it by name; it never
/// ignores it.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ComposedDpEvent), "ComposedDpEvent")]
[JsonDerivedType(typeof(DiscreteGaussianDpEvent), "DiscreteGaussianDpEvent")]
[JsonDerivedType(typeof(DiscreteLaplaceDpEvent), "DiscreteLaplaceDpEvent")]
[JsonDerivedType(typeof(EpsilonDeltaDpEvent), "EpsilonDeltaDpEvent")]
[JsonDerivedType(typeof(ExponentialMechanismDpEvent), "ExponentialMechanismDpEvent")]
[JsonDerivedType(typeof(GaussianDpEvent), "GaussianDpEvent")]
[JsonDerivedType(typeof(LaplaceDpEvent), "LaplaceDpEvent")]
[JsonDerivedType(typeof(MixtureOfGaussiansDpEvent), "MixtureOfGaussiansDpEvent")]
[JsonDerivedType(typeof(NoOpDpEvent), "NoOpDpEvent")]
[JsonDerivedType(typeof(NonPrivateDpEvent), "NonPrivateDpEvent")]
[JsonDerivedType(typeof(PermuteAndFlipDpEvent), "PermuteAndFlipDpEvent")]
[JsonDerivedType(typeof(PoissonSampledDpEvent), "PoissonSampledDpEvent")]
[JsonDerivedType(typeof(RandomizedResponseDpEvent), "RandomizedResponseDpEvent")]
[JsonDerivedType(typeof(RepeatAndSelectDpEvent), "RepeatAndSelectDpEvent")]
[JsonDerivedType(typeof(SampledWithReplacementDpEvent), "SampledWithReplacementDpEvent")]
[JsonDerivedType(typeof(SampledWithoutReplacementDpEvent), "SampledWithoutReplacementDpEvent")]
[JsonDerivedType(typeof(SelfComposedDpEvent), "SelfComposedDpEvent")]
[JsonDerivedType(typeof(SingleEpochTreeAggregationDpEvent), "SingleEpochTreeAggregationDpEvent")]
[JsonDerivedType(typeof(TruncatedSubsampledGaussianDpEvent), "TruncatedSubsampledGaussianDpEvent")]
[JsonDerivedType(typeof(ZCDpEvent), "ZCDpEvent")]
public abstract record DpEvent;
